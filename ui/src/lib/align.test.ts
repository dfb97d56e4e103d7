import { describe, expect, it } from "vitest";
import { anchors, findPhrase, sharedPrefix } from "@/lib/align";
import { record, syntheticAnswer } from "../../fixtures/synthetic";

const cut = (...texts: string[]) => texts.map((text, i) => record({ text, token_id: i }));

describe("findPhrase", () => {
  it("finds a phrase across token borders, from the token of its first character to that of its last", () => {
    expect(findPhrase(cut("So", " 9", ".", "9", " is", " larger"), "9.9 is")).toEqual({ first: 1, last: 4 });
  });
  it("finds a phrase inside one token", () => {
    expect(findPhrase(cut("Hello", " world"), "wor")).toEqual({ first: 1, last: 1 });
  });
  it("ignores case and treats any run of whitespace as one space", () => {
    expect(findPhrase(cut("The\n", "\n", "  Answer", " IS"), "the answer is")).toEqual({ first: 0, last: 3 });
  });
  it("steps over tokens that added no characters", () => {
    expect(findPhrase(cut("a", "", "", "é", "b"), "éb")).toEqual({ first: 3, last: 4 });
  });
  it("keeps characters outside the basic plane in place", () => {
    expect(findPhrase(cut("🙂🙂", "x", "yes"), "yes")).toEqual({ first: 2, last: 2 });
  });
  it("has no answer for a blank phrase or one that does not occur", () => {
    expect(findPhrase(cut("a"), "  ")).toBeNull();
    expect(findPhrase(cut("a", "b"), "abc")).toBeNull();
  });
});

describe("anchors", () => {
  const answers = [
    { ...syntheticAnswer(1), tokens: cut("x", "9", ".9", " is") },
    { ...syntheticAnswer(1), tokens: cut("9.9", " is", " it") },
    { ...syntheticAnswer(1), tokens: [] },
  ];
  it("anchors at the start, the end or the phrase", () => {
    expect(anchors(answers, { at: "start" })).toEqual([0, 0, null]);
    expect(anchors(answers, { at: "end" })).toEqual([3, 2, null]);
    expect(anchors(answers, { at: "phrase", phrase: "9.9 is" })).toEqual([1, 0, null]);
  });
});

describe("sharedPrefix", () => {
  it("counts equal token ids from the start", () => {
    expect(sharedPrefix(cut("a", "b", "c"), cut("a", "b"))).toBe(2);
    expect(sharedPrefix([record({ token_id: 1 })], [record({ token_id: 2 })])).toBe(0);
  });
});
