import { describe, expect, it } from "vitest";
import type { ForkEvent, PathToken } from "@/api/wire";
import { textOf } from "@/lib/paths";
import { token } from "../../fixtures/record";
import { GrowingTree } from "./growing";

const word = (
  branch: number,
  position: number,
  text: string,
  finish_reason: "stop" | null = null,
): PathToken => {
  const { text: _text, alternatives: _alternatives, ...numbers } = token(text, { position, logprob: -1 });
  const top_logprobs = [
    { token: text, token_id: 100, logprob: -1, bytes: [] },
    { token: " is", token_id: 7, logprob: -2, bytes: [] },
  ];
  return { ...numbers, type: "token", choice: 0, branch, text, finish_reason, top_logprobs } as PathToken;
};
const fork = (
  branch: number,
  parent: number,
  position: number,
  token_ids: number[],
  text: string,
): ForkEvent => ({
  type: "fork",
  choice: 0,
  branch,
  parent,
  position,
  token_ids,
  text,
  finish_reason: null,
});

function grown(events: ForkEvent[], begun = [token("The")]): GrowingTree {
  const tree = new GrowingTree(begun, begun.map((t) => t.text).join(""), "entropy", "logprob");
  for (const event of events) tree.take(event);
  return tree;
}

describe("GrowingTree", () => {
  // "The" was given; " sky was" is drawn at 21 and 22, and a fork takes " is" at 22.
  const events = [
    word(0, 21, " sky"),
    word(0, 22, " was"),
    fork(1, 0, 22, [7], " sky is"),
    word(1, 23, " blue", "stop"),
  ];

  it("puts each path behind what it has in common with the one that it left", () => {
    const tree = grown(events).snapshot();
    expect(tree.paths).toMatchObject([
      { branch: 0, parent: null, index: 0, at: 0, text: "The sky was", count: 3, finishReason: null },
      { branch: 1, parent: 0, index: 2, at: 7, text: " is blue", count: 2, finishReason: "stop" },
    ]);
    expect(tree.paths.map(({ branch }) => textOf(tree, branch))).toEqual(["The sky was", "The sky is blue"]);
    expect(tree.paths.map(({ scores }) => scores.logprob)).toEqual([-1, (-1 - 2 - 1) / 3]);
  });

  it("knows the token that a fork took, with the numbers of the place", () => {
    const own = grown(events).tokens.get(1);
    expect(own?.map((t) => t.text)).toEqual([" is", " blue"]);
    expect(own?.[0]).toMatchObject({
      token_id: 7,
      token: " is",
      logprob: -2,
      temperature: null,
      forked: true,
    });
    expect(grown(events).forkedAt(1)).toEqual([2]);
  });

  it("takes what the server says at the end, and calls off what was not finished", () => {
    const tree = grown([...events, { type: "drop", choice: 0, branch: 0, finish_reason: "dropped" }]);
    const scores = { logprob: -0.5 };
    const ended = { token_ids: [], start: 0, end: 0, scores, vote: 1, answer: "blue" };
    tree.take({
      type: "settled",
      choice: 0,
      policy: "entropy",
      chosen: 1,
      tokens: 5,
      narrowed: 2,
      votes: [{ answer: "blue", weight: 1, branches: [1] }],
      paths: [
        { ...ended, branch: 0, parent: null, position: 21, text: "The sky was", finish_reason: "dropped" },
        { ...ended, branch: 1, parent: 0, position: 22, text: "The sky is blue", finish_reason: "stop" },
      ],
    });
    tree.stop();
    expect(tree.snapshot()).toMatchObject({ chosen: 1, shown: 1, narrowed: 2 });
    expect(tree.snapshot().paths).toMatchObject([
      { text: "The sky was", finishReason: "dropped" },
      { text: " is blue", answer: "blue", vote: 1, scores },
    ]);
    const stopped = grown(events);
    stopped.stop();
    expect(stopped.snapshot().paths.map((path) => path.finishReason)).toEqual(["stopped", "stop"]);
  });

  it("lets a path draw its first token itself, also where the path that it left began later", () => {
    const tree = grown([
      word(0, 21, " sky"),
      fork(1, 0, 21, [], ""),
      word(1, 21, " sea"),
      fork(2, 1, 21, [], ""),
    ]);
    expect(tree.snapshot().paths.map(({ parent, index, text }) => [parent, index, text])).toEqual([
      [null, 0, "The sky"],
      [0, 1, " sea"],
      [1, 1, ""],
    ]);
    expect(tree.forkedAt(1)).toEqual([]);
  });
});
