import { connectionLost, fromResponse, isAbort } from "./errors";

const KEY = "entropix.api_key";

/** The key for a server that asks for one; kept in this browser alone. */
export const apiKey = {
  get: () => localStorage.getItem(KEY) ?? "",
  set: (key: string) => (key ? localStorage.setItem(KEY, key) : localStorage.removeItem(KEY)),
};

/** Requests `path` (relative to the page) and gives the response, or throws an ApiError (or an AbortError). */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = apiKey.get();
  if (key) headers.set("authorization", `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...init, headers });
  } catch (error) {
    throw isAbort(error) ? error : connectionLost();
  }
  if (!response.ok) throw await fromResponse(response);
  return response;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { signal, cache: "no-store" });
  return (await response.json()) as T;
}
