"use strict";
// One session of the server that this page came from: programs, their output as it comes, and what they leave behind.

const at = (id) => document.getElementById(id);
const encoder = new TextEncoder();

/** Bytes of a text as protobuf's JSON has them. */
function base64(text) {
  let bytes = "";
  for (const byte of encoder.encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

function bytes(text) {
  return Uint8Array.from(atob(text ?? ""), (letter) => letter.charCodeAt(0));
}

/** Seconds of a protobuf duration such as "1.5s". */
const seconds = (duration) => Number((duration ?? "0s").slice(0, -1));

class Refused extends Error {
  constructor(error) {
    const info = (error.details ?? []).find((detail) => detail["@type"]?.endsWith("google.rpc.ErrorInfo"));
    super(`${error.message} (${info?.reason ?? error.status})`);
    this.reason = info?.reason;
  }
}

async function call(method, path, body, signal) {
  const headers = { "content-type": "application/json" };
  if (at("token").value) headers.authorization = `Bearer ${at("token").value}`;
  const answer = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Refused((await answer.json()).error);
  return answer;
}

/** The messages of a stream, one a line. */
async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) {
      const message = JSON.parse(part);
      if (message.error) throw new Refused(message.error);
      yield message.result;
    }
  }
}

let session = null;
let running = false;
let interrupted = false;
/** Ends what runs apart from the session. */
let apart = null;

async function open() {
  if (session) return session;
  const limits = { heapBytes: heapBytes() };
  const answer = await call("POST", "/v1/sessions", { limits, labels: { by: "console" } });
  session = (await answer.json()).session.name;
  return session;
}

function request(text, more) {
  return { source: { text: base64(text), filename: "<console>" }, ...more };
}

function show(text, kind) {
  if (!text) return;
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  at("output").append(span);
  at("output").scrollTop = at("output").scrollHeight;
}

/** Runs what is in the editor, which `what` does. */
async function busy(what) {
  if (running) return;
  running = true;
  interrupted = false;
  at("run").disabled = at("trace").disabled = true;
  at("stop").disabled = false;
  at("output").textContent = "";
  at("traces").hidden = true;
  at("outcome").textContent = "runs";
  try {
    await what();
  } catch (error) {
    // A session that is gone is made anew by the next run.
    if (["SESSION_NOT_FOUND", "SESSION_EXPIRED"].includes(error.reason)) session = null;
    at("outcome").textContent = apart?.signal.aborted ? "stopped" : String(error.message);
  } finally {
    running = false;
    apart = null;
    at("run").disabled = at("trace").disabled = false;
    at("stop").disabled = true;
  }
}

const run = () => busy(async () => {
  await open();
  await follow({ session, limits: { wallTime: wallTime() } });
  await variables();
});

/** In an isolate of its own, so that the session is as it was. */
const trace = () => busy(async () => {
  apart = new AbortController();
  const limits = { wallTime: wallTime(), heapBytes: heapBytes() };
  await follow({ limits, output: { traces: true } }, apart.signal);
});

const wallTime = () => `${at("seconds").value}s`;
const heapBytes = () => String(Number(at("memory").value) * 2 ** 20);

async function follow(how, signal) {
  const body = request(at("code").value, { resultMode: "RESULT_MODE_REPR", ...how });
  const answer = await call("POST", "/v1/executions:stream", body, signal);
  const decoders = { OUTPUT_STREAM_STDOUT: new TextDecoder(), OUTPUT_STREAM_STDERR: new TextDecoder() };
  for await (const event of lines(answer)) {
    if (event.output) {
      const stream = event.output.stream;
      const kind = stream === "OUTPUT_STREAM_STDERR" ? "stderr" : "stdout";
      show(decoders[stream].decode(bytes(event.output.data), { stream: true }), kind);
      if (event.output.droppedBytes) show(`[${event.output.droppedBytes} bytes left out]\n`, "stderr");
    } else if (event.finished) {
      finish(event.finished.response);
    }
  }
}

function finish(response) {
  const { outcome, usage, effectiveLimits: limits } = response;
  const value = response.result?.strValue ?? response.result?.reprValue?.text;
  if (value !== undefined && value !== "None") show(`${value}\n`, "value");
  if (outcome.exception) show(outcome.exception.tracebackText || outcome.exception.message, "exception");
  let text = outcome.reason.replace("TERMINATION_REASON_", "");
  if (outcome.limit) text += `: ${outcome.limit.which.replace("LIMIT_NAME_", "")} of ${outcome.limit.limit}`;
  if (outcome.exitCode) text += ` ${outcome.exitCode}`;
  if (response.session && !outcome.sessionSurvives) text += ", and the session is lost: reset it";
  at("outcome").textContent = [text, ...(response.warnings ?? [])].join("; ");
  gauge("wall", seconds(usage.wallTime), seconds(limits.wallTime), (s) => `${(s * 1000).toFixed(1)} ms`);
  gauge("cpu", seconds(usage.cpuTime), seconds(limits.cpuTime), (s) => `${(s * 1000).toFixed(1)} ms`);
  gauge("heap", Number(usage.peakHeapBytes ?? 0), Number(limits.heapBytes), (b) => `${(b / 2 ** 20).toFixed(2)} MiB`);
  if (response.traces) journal(response.traces);
}

/** An element with a text, and others in it. */
function element(kind, text, ...children) {
  const made = document.createElement(kind);
  made.textContent = text;
  made.append(...children);
  return made;
}

function journal({ traces = [], leftOut = 0, exitsTaken = 0, mostTaken = [] }) {
  const givenUp = traces.filter((one) => one.givenUp).length;
  let text = `${traces.length - givenUp} compiled, ${givenUp} given up, left ${exitsTaken} times`;
  if (Number(leftOut)) text += `; ${leftOut} more are not shown`;
  at("trace-summary").textContent = text;
  at("trace-list").replaceChildren(...traces.map(traced));
  at("trace-exits").hidden = !mostTaken.length;
  at("trace-exits").tBodies[0].replaceChildren(
    ...mostTaken.map(({ times, at }) => element("tr", "", element("td", times), element("td", at))),
  );
  at("traces").hidden = false;
}

function traced({ kind, function: name, line, givenUp, givenUpText, recorded, optimized, exits = 0, codeBytes }) {
  const what = `${kind.replace("KIND_", "").toLowerCase()} in ${name}, line ${line}: `;
  const code = (title, text) => element("details", "", element("summary", title), element("pre", text));
  const made = givenUp
    ? element("details", "", element("summary", `${what}given up: ${givenUp}`), element("p", givenUpText))
    : element("details", "", element("summary", `${what}${codeBytes} bytes, ${exits} exits`), code("optimized", optimized), code("recorded", recorded));
  made.className = givenUp ? "trace no" : "trace";
  return made;
}

function gauge(id, used, limit, unit) {
  at(id).max = limit;
  at(id).high = limit * 0.9;
  at(id).value = used;
  at(`${id}-text`).textContent = `${unit(used)} of ${unit(limit)}`;
}

// Kept short, so that an object with a long repr costs little here.
const LIST = `[(n, type(v).__qualname__, repr(v)[:200]) for n, v in list(globals().items()) if n[:1] != "_"]`;

async function variables() {
  const answer = await call("POST", "/v1/executions:execute", request(LIST, { session, limits: { wallTime: "1s" }, resultMode: "RESULT_MODE_LAST_EXPRESSION" }));
  const rows = (await answer.json()).result?.listValue?.items ?? [];
  at("variables").tBodies[0].replaceChildren(
    ...rows.map((row) => {
      const line = document.createElement("tr");
      for (const part of row.tupleValue.items) line.insertCell().textContent = part.strValue;
      return line;
    }),
  );
}

async function stop() {
  if (apart) {
    // Whoever goes takes the program along.
    apart.abort();
    return;
  }
  // The first time it is asked, the second time it is made to.
  const mode = interrupted ? "MODE_STOP" : "MODE_RAISE";
  interrupted = true;
  await call("POST", `/v1/${session}:interrupt`, { mode }).catch((error) => show(`${error.message}\n`, "stderr"));
}

async function reset() {
  if (!session) return;
  try {
    await call("POST", `/v1/${session}:reset`, {});
    at("variables").tBodies[0].replaceChildren();
    at("outcome").textContent = "the session is empty";
  } catch (error) {
    session = null;
    at("outcome").textContent = String(error.message);
  }
}

async function greet() {
  try {
    const { capabilities } = await (await call("GET", "/v1/capabilities")).json();
    at("server").textContent = `Python ${capabilities.languageVersion}, ${capabilities.workers} workers, version ${capabilities.serverVersion}`;
  } catch (error) {
    at("server").textContent = String(error.message);
  }
}

at("run").addEventListener("click", run);
at("trace").addEventListener("click", trace);
at("stop").addEventListener("click", stop);
at("reset").addEventListener("click", reset);
at("token").addEventListener("change", greet);
at("code").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) {
    event.preventDefault();
    run();
  } else if (event.key === "Tab" && !event.shiftKey) {
    event.preventDefault();
    event.target.setRangeText("    ", event.target.selectionStart, event.target.selectionEnd, "end");
  }
});
addEventListener("pagehide", () => {
  if (session) fetch(`/v1/${session}`, { method: "DELETE", keepalive: true, headers: at("token").value ? { authorization: `Bearer ${at("token").value}` } : {} });
});
greet();
