"""The grid of codecs: wire to neutral and back. Pure: no IO, no clock, no random numbers, no logging."""
