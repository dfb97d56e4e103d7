// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { streamChat } from "./chat";
import type { ApiError } from "./errors";
import type { ChatRequest } from "./wire";

const body = { model: "m", messages: [], seed: 1 } as unknown as ChatRequest;
const done = () => new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } });
const busy = (status: number, retryAfter?: string) =>
  new Response(JSON.stringify({ error: { message: "The queue is full.", param: null } }), {
    status,
    headers: retryAfter ? { "retry-after": retryAfter } : {},
  });

function serve(...responses: (Response | Error)[]) {
  const answers = [...responses];
  return vi.spyOn(globalThis, "fetch").mockImplementation(async () => {
    const next = answers.shift();
    if (next instanceof Response) return next;
    throw next;
  });
}

async function run(signal = new AbortController().signal) {
  const waits: (number | null)[] = [];
  for await (const _ of streamChat(body, { signal, onWait: (seconds) => waits.push(seconds) }));
  return waits;
}

describe("streamChat", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("waits as long as a full queue or a loading model asks, then tries again", async () => {
    vi.useFakeTimers();
    const fetch = serve(busy(429, "3"), busy(503, "2"), done());
    const waits = run();
    await vi.advanceTimersByTimeAsync(2_900);
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2_200);
    expect(await waits).toEqual([3, null, 2, null]);
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  it("gives up on what waiting does not mend", async () => {
    const fetch = serve(
      new Response(
        JSON.stringify({ error: { message: "temperature: at most 5", param: "sampler_config" } }),
        {
          status: 400,
        },
      ),
    );
    await expect(run()).rejects.toMatchObject({
      message: "temperature: at most 5",
      status: 400,
      param: "sampler_config",
    });
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it("ends a wait at once when it is aborted", async () => {
    serve(busy(429, "30"));
    const abort = new AbortController();
    const result = run(abort.signal);
    setTimeout(() => abort.abort(), 5);
    await expect(result).rejects.toMatchObject({ name: "AbortError" });
  });

  it("calls a server that cannot be reached gone", async () => {
    serve(new TypeError("Failed to fetch"));
    const error = await run().catch((e: unknown) => e);
    expect((error as ApiError).gone).toBe(true);
  });
});
