/** Asks `serve` for the dashboard's data: the session, errors with their hints, and streams of events. */

const SESSION = "samplemind-session";
export const BASE = "/dashboard/api/";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly hint: string | null = null,
  ) {
    super(message);
  }
}

/** Why a part of the machine cannot be looked at, and what helps. */
export interface Trouble {
  message: string;
  hint: string | null;
}

export interface ServerEvent {
  event: string;
  data: string;
}

/** Trade a link's code for a session; the code leaves the address bar. */
export async function openSession(): Promise<void> {
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  if (!link) return;
  history.replaceState(null, "", `${location.pathname}#/requests`);
  const { session } = await post<{ session: string }>("session", { link });
  localStorage.setItem(SESSION, session);
}

export async function get<T>(path: string, query: Record<string, string | number> = {}, signal?: AbortSignal) {
  const response = await send(path + asQuery(query), { signal: signal ?? null });
  return (await response.json()) as T;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return (await (await sendBody(path, body)).json()) as T;
}

/** The events of an answer to a POST, one by one. */
export async function* postEvents(path: string, body: unknown, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  yield* eventsOf(await sendBody(path, body, signal));
}

export async function* getEvents(
  path: string,
  query: Record<string, string>,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  yield* eventsOf(await send(path + asQuery(query), { signal, headers: { accept: "text/event-stream" } }));
}

function asQuery(query: Record<string, string | number>): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

function sendBody(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return send(path, { method: "POST", headers, body: JSON.stringify(body), signal: signal ?? null });
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const session = localStorage.getItem(SESSION);
  const headers = { ...init.headers, ...(session ? { authorization: `Bearer ${session}` } : {}) };
  const response = await fetch(BASE + path, { ...init, headers });
  if (response.ok) return response;
  const told = await response.json().catch(() => null);
  const error = told?.error;
  throw new ApiError(error?.message ?? `the server answered ${response.status}`, response.status, error?.hint ?? null);
}

async function* eventsOf(response: Response): AsyncGenerator<ServerEvent> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const found: ServerEvent = { event: "message", data: "" };
        for (const line of part.split("\n")) {
          if (line.startsWith("event: ")) found.event = line.slice(7);
          else if (line.startsWith("data: ")) found.data += line.slice(6);
        }
        yield found; // a comment is an event without data: it shows that the stream lives
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
