import { describe, expect, it } from "vitest";
import { ApiError } from "./errors";
import { readChunks } from "./events";

const encoder = new TextEncoder();

function bodyOf(pieces: Uint8Array[], failure?: unknown): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      if (failure) controller.error(failure);
      else controller.close();
    },
  });
}

const event = (value: unknown) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
const chunk = (content: string) => ({
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
  metrics: [],
});

async function collect(body: ReadableStream<Uint8Array>): Promise<{ texts: string[]; error: unknown }> {
  const texts: string[] = [];
  try {
    for await (const { choices } of readChunks(body)) texts.push(choices[0]?.delta.content ?? "");
    return { texts, error: null };
  } catch (error) {
    return { texts, error };
  }
}

describe("readChunks", () => {
  const stream = encoder.encode(event(chunk("Paris – ")) + event(chunk("ça 🗼")) + event("[DONE]"));

  it("gives the same chunks wherever the bytes are cut, inside characters and line ends too", async () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const { texts, error } = await collect(bodyOf([stream.slice(0, cut), stream.slice(cut)]));
      expect({ cut, texts, error }).toEqual({ cut, texts: ["Paris – ", "ça 🗼"], error: null });
    }
  });

  it("reads a stream that comes byte by byte, with CRLF, comments and other fields", async () => {
    const text = `: ping\r\n\r\nid: 1\r\nevent: message\r\n${event(chunk("a")).replaceAll("\n", "\r\n")}${event("[DONE]")}`;
    const { texts, error } = await collect(
      bodyOf([...encoder.encode(text)].map((byte) => Uint8Array.of(byte))),
    );
    expect({ texts, error }).toEqual({ texts: ["a"], error: null });
  });

  it("keeps what came before an error object in the stream", async () => {
    const wrong = {
      error: { message: "The row was dropped.", type: "server_error", param: null, code: null },
    };
    const { texts, error } = await collect(bodyOf([encoder.encode(event(chunk("so far")) + event(wrong))]));
    expect(texts).toEqual(["so far"]);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).message).toBe("The row was dropped.");
  });

  it("calls a stream without [DONE] a lost connection", async () => {
    const { texts, error } = await collect(bodyOf([encoder.encode(event(chunk("half")))]));
    expect(texts).toEqual(["half"]);
    expect((error as ApiError).gone).toBe(true);
  });

  it("calls a network failure a lost connection, and an abort an abort", async () => {
    const failed = await collect(bodyOf([], new TypeError("network error")));
    expect((failed.error as ApiError).gone).toBe(true);
    const aborted = await collect(bodyOf([], new DOMException("Aborted", "AbortError")));
    expect((aborted.error as DOMException).name).toBe("AbortError");
  });

  it("says so when the data is not JSON", async () => {
    const { error } = await collect(bodyOf([encoder.encode(event("<html>"))]));
    expect((error as ApiError).message).toMatch(/not JSON/);
  });
});
