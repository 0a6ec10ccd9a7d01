// Drives the openai package for Node: `node openai_node.mjs FOLDER`, FOLDER being where the package is installed.
// One JSON command a line on stdin, one JSON reply a line on stdout, until stdin ends; loop.py tells the same for Python.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.argv[2] + '/')
const OpenAI = require('openai')
const { toFile } = OpenAI

let exchanges = []
const clients = new Map()

async function recordingFetch(url, init) {
  const response = await fetch(url, init)
  // The SDK fetches an empty data: address once, to see what FormData this runtime has.
  if (String(url).startsWith('data:')) return response
  exchanges.push({
    method: init?.method ?? 'GET',
    url: String(url),
    status: response.status,
    request_headers: Object.fromEntries(new Headers(init?.headers)),
    headers: Object.fromEntries(response.headers),
  })
  return response
}

function client({ base_url: baseURL, key: apiKey, max_retries: maxRetries = 0 }) {
  const name = JSON.stringify([baseURL, apiKey, maxRetries])
  if (!clients.has(name)) clients.set(name, new OpenAI({ baseURL, apiKey, maxRetries, fetch: recordingFetch }))
  return clients.get(name)
}

// Replaces each {"$file": {form, path, name, type}} by what a program would pass.
async function withFiles(value) {
  if (Array.isArray(value)) return Promise.all(value.map(withFiles))
  if (value === null || typeof value !== 'object') return value
  if (!value.$file) {
    const entries = Object.entries(value).map(async ([name, item]) => [name, await withFiles(item)])
    return Object.fromEntries(await Promise.all(entries))
  }
  const { form, path, name, type } = value.$file
  return form === 'stream' ? createReadStream(path) : toFile(readFileSync(path), name, { type })
}

// Every call ends in the SDK's options: {"headers": …} of the command.
const byBody = (method) => async (command) =>
  client(command).videos[method](await withFiles(command.args), command.options)
const byId = (method) => async (command) => client(command).videos[method](command.args.video_id, command.options)

const handlers = {
  create: byBody('create'),
  edit: byBody('edit'),
  extend: byBody('extend'),
  retrieve: byId('retrieve'),
  delete: byId('delete'),
  remix: ({ args: { video_id: id, ...body }, ...command }) => client(command).videos.remix(id, body, command.options),
  list: async (command) => {
    const page = await client(command).videos.list(command.args, command.options)
    return { data: page.data, has_more: page.has_more, last_id: page.last_id }
  },
  list_all: async (command) => {
    const videos = []
    for await (const video of client(command).videos.list(command.args, command.options)) videos.push(video)
    return videos
  },
  unwrap: ({ args: { payload, headers, secret }, ...command }) => client(command).webhooks.unwrap(payload, headers, secret),
  raw_create: (command) => client(command).post('/videos', { body: command.args, ...command.options }),
  download: async ({ args: { video_id: id, ...query }, ...command }) => {
    const response = await client(command).videos.downloadContent(id, query, command.options)
    const data = Buffer.from(await response.arrayBuffer())
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      size: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
    }
  },
}

// The names are those of loop.py; the SDK says `status` and `requestID` where Python says status_code and request_id.
function failure(error) {
  const classes = []
  for (let cls = error.constructor; cls?.name; cls = Object.getPrototypeOf(cls)) classes.push(cls.name)
  return {
    class: classes[0],
    classes,
    message: String(error.message),
    status_code: error.status ?? null,
    code: error.code ?? null,
    param: error.param ?? null,
    type: error.type ?? null,
    request_id: error.requestID ?? null,
    body: error.error ?? null,
    headers: error.headers ? Object.fromEntries(error.headers) : {},
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  exchanges = []
  let reply
  try {
    const value = await handlers[command.op](command)
    reply = { value: value?._request_id ? { ...value, _request_id: value._request_id } : value }
  } catch (error) {
    reply = { error: failure(error) }
  }
  process.stdout.write(JSON.stringify({ ...reply, exchanges, slept: [] }) + '\n')
}
