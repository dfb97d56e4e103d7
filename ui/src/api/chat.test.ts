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

const chunk = (content: string, token?: string, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({
    choices: [{ index: 0, delta: { content }, finish_reason }],
    metrics: token === undefined ? [] : [{ position: 9, token_id: 1, token }],
  })}\n\n`;

async function deltas(asked: ChatRequest, ...chunks: string[]) {
  serve(new Response(`${chunks.join("")}data: [DONE]\n\n`));
  const found: (string | null)[][] = [];
  for await (const { prefix, text, tail } of streamChat(asked, { signal: new AbortController().signal }))
    found.push([prefix, text, tail]);
  return found;
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

  it("tells the text of a given beginning from what comes after it, in whatever pieces it comes", async () => {
    const asked = { ...body, prefix_token_ids: [5, 6] };
    const tokens = [chunk("🦊", "\\x8a"), chunk(" ran", " ran"), chunk("", undefined, "stop")];
    expect(await deltas(asked, chunk(""), chunk("The"), chunk(" "), ...tokens)).toEqual([
      ["The ", "🦊", ""],
      [null, " ran", ""],
      [null, "", ""],
    ]);
    expect(await deltas(asked, chunk("The"), chunk(" end", undefined, "stop"))).toEqual([
      ["The end", "", ""],
    ]);
    expect(await deltas(body, chunk(""), chunk("A", "A"))).toEqual([
      [null, "", ""],
      [null, "A", ""],
    ]);
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
