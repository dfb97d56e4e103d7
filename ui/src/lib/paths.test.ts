import { describe, expect, it } from "vitest";
import type { AnswerPath, PathTree } from "@/types";
import { type Column, changes, elided, endings, layOut, partingWord, textOf } from "./paths";

const path = (
  branch: number,
  parent: number | null,
  at: number,
  text: string,
  more: Partial<AnswerPath> = {},
) => ({
  branch,
  parent,
  // One token a word, so that a place in the text is told by its words.
  index: at,
  at,
  text,
  count: 1,
  finishReason: "stop",
  answer: null,
  scores: {},
  vote: 0,
  ...more,
});

const tree = (paths: AnswerPath[], more: Partial<PathTree> = {}): PathTree => ({
  policy: "entropy",
  score: "logprob",
  chosen: null,
  shown: null,
  narrowed: 0,
  votes: [],
  paths,
  ...more,
});

/** "I am here" forked at 5 ("there", which forked at 10), and at 2 ("was"). */
const paths = [
  path(0, null, 0, "I am here"),
  path(1, 0, 5, "there now"),
  path(2, 0, 2, "was"),
  path(3, 1, 11, "then"),
];

/** A column as nested lists: its stretches, each followed by its sides. */
const shape = ({ stretches }: Column): unknown[] =>
  stretches.flatMap(({ text, sides }) => (sides.length > 0 ? [text, sides.map(shape)] : [text]));

describe("the tree of an answer's paths", () => {
  it("goes down the first path, with the other ways beside it", () => {
    const column = layOut(tree(paths)) as Column;
    expect(shape(column)).toEqual(["I ", [["was"]], "am ", [["there ", [["then"]], "now"]], "here"]);
    expect(column.end.branch).toBe(0);
    expect(column.stretches.map(({ parted }) => parted)).toEqual([false, true, true]);
    expect(endings(column).map(({ path: { branch }, text }) => [branch, text])).toEqual([
      [2, "was"],
      [3, "then"],
      [1, "now"],
      [0, "here"],
    ]);
  });

  it("goes down the path that is shown", () => {
    const column = layOut(tree(paths, { chosen: 0, shown: 3 })) as Column;
    expect(shape(column)).toEqual(["I ", [["was"]], "am ", [["here"]], "there ", [["now"]], "then"]);
    expect(column.end.branch).toBe(3);
  });

  it("goes on with another way where the first one was given up", () => {
    const dropped = [{ ...paths[0], finishReason: "dropped" } as AnswerPath, ...paths.slice(1, 2)];
    expect(layOut(tree(dropped))?.end.branch).toBe(1);
  });

  it("holds paths that part at the very beginning, and one that left its parent before that began", () => {
    const early = [path(0, null, 0, "Yes."), path(1, 0, 0, "No."), path(2, 1, 0, "Maybe.")];
    expect(shape(layOut(tree(early)) as Column)).toEqual(["", [["No."], ["Maybe."]], "Yes."]);
    expect(layOut(tree([]))).toBeNull();
  });

  it("keeps paths together as far as their words are the same, and parts no word", () => {
    const drawn = [
      path(0, null, 0, "It is 9.11."),
      path(1, 0, 0, "It is 9.9."),
      path(2, 0, 0, "It was so."),
      path(3, 0, 8, "2."),
    ];
    expect(shape(layOut(tree(drawn)) as Column)).toEqual([
      "It ",
      [["was so."]],
      "is ",
      [["9.9."], ["9.2."]],
      "9.11.",
    ]);
    // While one says no more than another, nothing tells where they will part.
    const equal = [path(0, null, 0, "It is"), path(1, 0, 0, "It")];
    expect(shape(layOut(tree(equal)) as Column)).toEqual(["", [["It"]], "It is"]);
  });

  it("has paths that say the same once, in the name of the one that is shown", () => {
    const same = [
      path(0, null, 0, "Yes."),
      path(1, 0, 0, "No."),
      path(2, 0, 0, "Yes."),
      path(3, 2, 0, "Yes."),
    ];
    const column = layOut(tree(same, { shown: 2 })) as Column;
    expect(shape(column)).toEqual(["", [["No."]], "Yes."]);
    expect([column.end.branch, column.times]).toEqual([2, 3]);
    // One that is still being written may yet say more.
    const live = [...same.slice(0, 3), path(3, 0, 0, "Yes.", { finishReason: null })];
    expect(endings(layOut(tree(live)) as Column).map(({ times }) => times)).toEqual([1, 1, 2]);
  });

  it("has each path's whole text", () => {
    expect(paths.map(({ branch }) => textOf(tree(paths), branch))).toEqual([
      "I am here",
      "I am there now",
      "I was",
      "I am there then",
    ]);
  });
});

describe("what a path says", () => {
  it("is another answer than that of the path it left, where both are known and it was finished", () => {
    const first = path(0, null, 0, "It is 9.9", { answer: "9.9" });
    const tried = (answer: string | null, more = {}) => path(1, 0, 6, "", { answer, tried: true, ...more });
    const judged = (one: AnswerPath) => changes([first, one], one);
    expect(judged(tried("9.11"))).toBe(true);
    expect(judged(tried("9.9"))).toBe(false);
    expect(judged(tried(null))).toBeNull();
    expect(judged(tried("9.11", { finishReason: "stopped" }))).toBeNull();
    expect(judged(tried("9.11", { tried: false }))).toBeNull();
  });

  it("begins with the word that tells it from the others, and a long text loses its middle", () => {
    expect(partingWord(" 9.11 is larger")).toEqual({ word: "9.11", rest: " is larger" });
    expect(partingWord(" ")).toEqual({ word: "", rest: "" });
    expect(elided("one two three four five six", 9, 9)).toBe("one two … five six");
    expect(elided("one two", 9, 9)).toBe("one two");
  });
});
