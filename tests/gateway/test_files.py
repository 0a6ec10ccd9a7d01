"""Files through a real gateway, callers of both families over upstreams of both dialects: whose is what, and what becomes of it."""

import json
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from proxy.gateway.calls import TRIES
from tests.gateway.house import ENVIRON, Caller, House, error_of
from tests.support import wire

FILES = {"openai": "/v1/files", "ark": "/api/v3/files"}
UNKNOWN = "file-nobody"
DATA = b"a\r\n--b\x00\xff"

every_family = pytest.mark.parametrize("family", FILES)


@pytest.fixture(scope="module", params=["ark", "strict"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with one upstream that has files."""
    with House(tmp_path_factory.mktemp("home"), (request.param,)) as running:
        yield running


@pytest.fixture
def alice(home: House) -> Caller:
    """A caller."""
    return home.caller("alice")


@pytest.fixture
def bob(home: House) -> Caller:
    """Another caller."""
    return home.caller("bob")


def upstream(home: House) -> str:
    """The name of the house's one upstream."""
    (name,) = home.sims
    return name


def made(caller: Caller, family: str = "openai", name: str = "a.txt", **fields: str) -> str:
    """A new file's id."""
    files = {"file": (name, DATA, "text/plain")}
    answer = caller.call("POST", FILES[family], files=files, data={"purpose": "user_data", **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def requests(home: House) -> int:
    """How many requests the upstream has got."""
    return len(home.sims[upstream(home)].requests())


@every_family
def test_a_life(home: House, alice: Caller, family: str) -> None:
    """A file is made, read, listed and deleted, in the words of the family that asks, whoever made it."""
    maker = {"openai": "ark", "ark": "openai"}[family]
    file_id = made(alice, maker)
    path = f"{FILES[family]}/{file_id}"
    first = alice.call("GET", path).json()
    assert first["status"] == {"openai": "uploaded", "ark": "processing"}[family]
    home.advance(5)
    file = alice.call("GET", path).json()
    assert (file["id"], file["object"], file["purpose"]) == (file_id, "file", "user_data")
    assert (file["bytes"], file["filename"]) == (len(DATA), "a.txt")
    assert file["status"] == {"openai": "processed", "ark": "active"}[family]
    end = "expires_at" if family == "openai" else "expire_at"
    assert (
        file[end]
        == {"ark": file["created_at"] + 7 * 86_400, "strict": None if family == "openai" else -1}[upstream(home)]
    )
    assert file in alice.call("GET", FILES[family]).json()["data"]
    gone = alice.call("DELETE", path)
    assert (gone.status_code, gone.json()) == (200, {"id": file_id, "object": "file", "deleted": True})
    assert alice.call("GET", path).status_code == 404
    assert alice.call("DELETE", path).status_code == 404
    assert file_id not in [one["id"] for one in alice.call("GET", FILES[family]).json()["data"]]


@every_family
def test_same_dialect_bytes_pass(home: House, alice: Caller, family: str) -> None:
    """A caller of the upstream's dialect gets the object that the upstream sent, to the byte; another one its own and the original words."""
    file_id = made(alice)
    answer = alice.call("GET", f"{FILES[family]}/{file_id}")
    sim = home.sims[upstream(home)]
    headers = {"authorization": f"Bearer {ENVIRON['HOUSE_KEY']}"}
    raw = httpx.get(f"{sim.base_url}/files/{file_id}", headers=headers, trust_env=False)
    if (family == "ark") == (upstream(home) == "ark"):
        assert answer.content == raw.content
    else:
        said = raw.json()
        assert answer.json()["metadata"] == {"status": said.pop("status")}
        assert said.items() <= answer.json().items()


def test_content(home: House, alice: Caller, bob: Caller) -> None:
    """OpenAI hands out a file's bytes, with what it says of them; Ark does not, and the caller is told which operation there is not."""
    file_id = made(alice)
    answer = alice.call("GET", f"/v1/files/{file_id}/content", headers={"accept": "application/binary"})
    if upstream(home) == "ark":
        error = error_of(answer, "openai")
        assert (answer.status_code, error["code"]) == (400, "unsupported_operation")
        assert "files.content" in error["message"]
    else:
        assert (answer.status_code, answer.content) == (200, DATA)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-length"] == str(len(DATA))
        assert answer.headers["x-arkbridge-upstream-request-id"]
    for stranger in (
        bob.call("GET", f"/v1/files/{file_id}/content"),
        alice.call("GET", f"/v1/files/{UNKNOWN}/content"),
    ):
        assert (stranger.status_code, error_of(stranger, "openai")["code"]) == (404, "not_found")


def test_content_is_not_arks(alice: Caller) -> None:
    """Ark's family has no such route, whatever the upstream has."""
    answer = alice.call("GET", f"/api/v3/files/{made(alice)}/content")
    assert (answer.status_code, error_of(answer, "ark")["code"]) == (404, "InvalidAction")


def plain(answer: httpx.Response, file_id: str) -> tuple[int, dict[str, str], str]:
    """An answer without what differs between any two calls."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, answer.text.replace(file_id, "FILE")


@every_family
def test_somebody_elses_file_is_an_unknown_one(home: House, alice: Caller, bob: Caller, family: str) -> None:
    """To a stranger every route answers byte for byte as for an id that does not exist, and the upstream hears nothing of it."""
    file_id = made(alice, family)
    unknown = "u" * len(file_id)
    before = requests(home)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        if path and family == "ark":
            continue
        answers = [bob.call(method, f"{FILES[family]}/{asked}{path}") for asked in (file_id, unknown)]
        assert plain(answers[0], file_id) == plain(answers[1], unknown)
        assert answers[0].status_code == 404
        assert error_of(answers[0], family)["param"] == "file_id"
    lists = [bob.call("GET", FILES[family], params={"after": asked}) for asked in (file_id, unknown)]
    assert plain(lists[0], file_id) == plain(lists[1], unknown)
    assert lists[0].json()["data"] == []
    assert requests(home) == before
    assert alice.call("GET", f"{FILES[family]}/{file_id}").status_code == 200


def test_keys_stay_apart(home: House, alice: Caller) -> None:
    """The upstream sees our key on every request, and never the caller's."""
    made(alice)
    alice.call("GET", FILES["openai"])
    for recorded in home.sims[upstream(home)].requests(marker="/files"):
        assert wire.header(recorded, "authorization") == f"Bearer {ENVIRON['HOUSE_KEY']}"
        assert alice.key not in str(recorded)


def test_files_cost_nothing(home: House, alice: Caller) -> None:
    """Files are in the log and not in the ledger."""
    before = len(home.ledger())
    file_id = made(alice)
    answer = alice.call("GET", f"/v1/files/{file_id}")
    assert home.gateway.line(answer.headers["x-request-id"])["operation"] == "files.retrieve"
    assert len(home.ledger()) == before


@every_family
def test_a_file_that_failed(home: House, alice: Caller, family: str) -> None:
    """A file that could not be processed is a file with an error, not an error."""
    file_id = made(alice, name="a [[sim:fail=BadVideo]].txt")
    home.advance(5)
    answer = alice.call("GET", f"{FILES[family]}/{file_id}")
    assert answer.status_code == 200, answer.text
    file = answer.json()
    assert file["status"] == {"openai": "error", "ark": "failed"}[family]
    if upstream(home) == "ark":
        assert file["error"]["code"] == "BadVideo"
        if family == "openai":
            assert file["status_details"] == file["error"]["message"]


@every_family
def test_what_the_upstream_has_forgotten(home: House, alice: Caller, family: str) -> None:
    """A file whose time is over is an unknown one, everywhere, from the moment that anybody looks."""
    end = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "100000"}
    read, deleted, listed = (made(alice, **end) for _ in range(3))
    home.advance(100_001)
    for method, file_id in (("GET", read), ("DELETE", deleted)):
        answer = alice.call(method, f"{FILES[family]}/{file_id}")
        assert (answer.status_code, error_of(answer, family)["message"]) == (404, "No such file belongs to this key.")
    ids = [one["id"] for one in alice.call("GET", FILES[family]).json()["data"]]
    assert not {read, deleted, listed} & set(ids)
    kept = home.rows("SELECT id FROM objects WHERE id IN (?, ?, ?)", read, deleted, listed)
    assert kept == []


@pytest.mark.parametrize(("kind", "status"), [("500-before", 500), ("429", 429), ("empty-404", 404), ("break", 502)])
def test_trouble_upstream(home: House, alice: Caller, kind: str, status: int) -> None:
    """Trouble is told as what it is, and forgets no file: an empty 404 may as well be a wrong base URL."""
    file_id = made(alice)
    sim = home.sims[upstream(home)]
    sim.fault(f"GET .*/files/{file_id}", kind, times=TRIES)
    answer = alice.call("GET", f"/v1/files/{file_id}")
    assert answer.status_code == status, answer.text
    sim.control("DELETE", "faults")
    assert alice.call("GET", f"/v1/files/{file_id}").status_code == 200


@pytest.mark.parametrize("kind", ["break-before", "500-before", "empty-404"])
def test_content_in_trouble(home: House, alice: Caller, kind: str) -> None:
    """An error is never passed on as a file."""
    if upstream(home) == "ark":
        return
    file_id = made(alice)
    home.sims["strict"].fault(f"GET .*/files/{file_id}/content", kind)
    answer = alice.call("GET", f"/v1/files/{file_id}/content")
    assert answer.status_code == {"break-before": 502, "500-before": 500, "empty-404": 404}[kind]
    assert error_of(answer, "openai")["message"]
    assert alice.call("GET", f"/v1/files/{file_id}/content").content == DATA


def test_our_account(home: House, alice: Caller) -> None:
    """An upstream that refuses our key has nothing to say to the caller."""
    file_id = made(alice)
    error = {"code": "AuthenticationError", "message": f"key {ENVIRON['HOUSE_KEY']} is bad"}
    body = json.dumps({"error": error})
    home.sims[upstream(home)].fault(f"GET .*/files/{file_id}", "answer", status=401, body=body, times=TRIES)
    answer = alice.call("GET", f"/v1/files/{file_id}")
    assert (answer.status_code, error_of(answer, "openai")["code"]) == (502, "upstream_account")
    assert ENVIRON["HOUSE_KEY"] not in answer.text
    home.sims[upstream(home)].control("DELETE", "faults")


# -- where files go


def reconfigure(house: House, text: str) -> None:
    """Let the gateway take this configuration."""
    house.file.write_text(text)
    house.gateway.do(house.gateway.runtime.reload(house.gateway.config()))


def test_files_go_to_the_first_upstream_that_has_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Servers without files are passed over, and so are those that take no new work; older files stay where they are."""
    with House(tmp_path_factory.mktemp("house"), ("vllm-omni", "newapi", "ark", "strict")) as house:
        alice, config = house.caller(), house.file.read_text()
        first = made(alice)
        assert house.rows("SELECT upstream FROM objects") == [("ark",)]
        retired = config.replace('name = "ark"\ndialect', 'name = "ark"\nretired = true\ndialect')
        reconfigure(house, retired)
        second = made(alice)
        assert [one["id"] for one in alice.call("GET", "/v1/files").json()["data"]] == [second, first]
        assert alice.call("GET", f"/v1/files/{second}/content").content == DATA
        assert alice.call("GET", f"/v1/files/{first}").json()["mime_type"] == "text/plain"
        nowhere = retired.replace('name = "strict"\ndialect', 'name = "strict"\nretired = true\ndialect')
        reconfigure(house, nowhere)
        answer = alice.call("POST", "/v1/files", files={"file": DATA}, data={"purpose": "user_data"})
        assert (answer.status_code, error_of(answer, "openai")["code"]) == (400, "unsupported_operation")
        assert alice.call("DELETE", f"/v1/files/{first}").status_code == 200


@every_family
@pytest.mark.parametrize("route", ["chat/completions", "responses"])
def test_files_inside_bodies(home: House, alice: Caller, bob: Caller, family: str, route: str) -> None:
    """A body may name the caller's own files only: another's is an unknown one, and the upstream does not hear of it."""
    file_id = made(alice)
    home.advance(5)
    part = (
        {"type": "file", "file": {"file_id": file_id}}
        if route.startswith("chat")
        else {"type": "input_file", "file_id": file_id}
    )
    messages = [{"role": "user", "content": [part]}]
    body = {"model": "some-model", **({"messages": messages} if route.startswith("chat") else {"input": messages})}
    path = f"{FILES[family].removesuffix('files')}{route}"
    before = requests(home)
    unknown = json.loads(json.dumps(body).replace(file_id, "u" * len(file_id)))
    answers = [bob.call("POST", path, json=body), alice.call("POST", path, json=unknown)]
    assert plain(answers[0], file_id)[2] == plain(answers[1], "u" * len(file_id))[2]
    assert answers[0].status_code == 404
    assert error_of(answers[0], family)["param"].endswith("file_id")
    assert requests(home) == before
    assert alice.call("POST", path, json=body).status_code != 404
    assert requests(home) == before + 1
