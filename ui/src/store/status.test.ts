import { describe, expect, it } from "vitest";
import { type AnswerInfo, DEFAULT_SAMPLER, type Message } from "./model";
import { interrupted, inWordsOfToday, underWay, underWayIn } from "./status";

const stored = (status: string, finishReason: string | null = null): Message => ({
  id: status,
  conversationId: "c",
  parentId: null,
  role: "assistant",
  content: "",
  created: 0,
  answer: {
    status: status as AnswerInfo["status"],
    finishReason,
    error: null,
    sampler: { ...DEFAULT_SAMPLER, seed: 0 },
    config: null,
    model: "",
    seconds: null,
    fork: null,
  },
});

describe("an answer's status", () => {
  it("is under way while it waits and while it streams", () => {
    const all = ["waiting", "streaming", "done", "stopped", "interrupted", "failed"].map((one) =>
      stored(one),
    );
    expect(all.filter((m) => underWay(m.answer)).map((m) => m.id)).toEqual(["waiting", "streaming"]);
    expect(underWayIn(Object.fromEntries(all.map((m) => [m.id, m])))).toEqual(["waiting", "streaming"]);
    expect(all.map(interrupted).map((m) => m.answer?.status)).toEqual([
      "interrupted",
      "interrupted",
      "done",
      "stopped",
      "interrupted",
      "failed",
    ]);
  });

  it.each([
    ["error", null, "failed", null],
    ["stopped", "stopped", "stopped", null],
    ["stopped", "interrupted", "interrupted", null],
    ["done", "length", "done", "length"],
    ["streaming", null, "streaming", null],
  ])("stored as %s (%s) by an earlier page is %s", (status, reason, now, finishReason) => {
    expect(inWordsOfToday(stored(status, reason)).answer).toMatchObject({ status: now, finishReason });
  });
});
