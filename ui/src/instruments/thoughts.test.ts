import { describe, expect, it } from "vitest";
import { token } from "../../fixtures/record";
import { cutParagraphs } from "./paragraphs";
import { shownTokens, thoughtsEnd } from "./thoughts";

const thought = (text: string) => token("", { token: text || "</think>", thought: text });
const ANSWER = [thought("Hm."), thought("\nSo"), thought(""), token(""), token("Two"), token(".")];

describe("an answer's thoughts", () => {
  it("are its tokens up to the first word of the answer", () => {
    expect(thoughtsEnd(ANSWER)).toBe(4);
    expect(thoughtsEnd(ANSWER.slice(0, 2))).toBe(2);
    expect(thoughtsEnd(ANSWER.slice(3))).toBe(0);
  });

  it("are shown by themselves, and the answer goes on behind them", () => {
    const texts = (from: number, end: number) => {
      const tokens = shownTokens(ANSWER, end);
      const [first] = cutParagraphs(tokens, [], [], from);
      return tokens.slice(first?.start, end).map(({ text }) => text);
    };
    expect(texts(0, 4)).toEqual(["Hm.", "\nSo", "", ""]);
    expect(texts(4, 6)).toEqual(["Two", "."]);
  });

  it("are the same objects each time they are shown, as unchanged text is not drawn again", () => {
    expect(shownTokens(ANSWER, 4)[0]).toBe(shownTokens(ANSWER, 4)[0]);
  });
});
