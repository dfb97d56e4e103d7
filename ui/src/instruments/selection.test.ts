import { beforeEach, describe, expect, it } from "vitest";
import { markedIn, useSelection } from "@/instruments/selection";
import { walk } from "@/instruments/walk";
import { record } from "../../fixtures/synthetic";

const state = () => useSelection.getState();
beforeEach(() => state().clear());

describe("the selection", () => {
  it("marks the hovered token before the selected one, in their own answers only", () => {
    state().select({ answerId: "a", index: 3 }, "text");
    expect(markedIn(state(), "a")).toBe(3);
    state().hover({ answerId: "a", index: 5 }, "map");
    expect(markedIn(state(), "a")).toBe(5);
    expect(markedIn(state(), "b")).toBeNull();
    state().hover(null, "map");
    expect(markedIn(state(), "a")).toBe(3);
  });
  it("does not notify when the pointer stays on the same token", () => {
    let changes = 0;
    const stop = useSelection.subscribe(() => changes++);
    state().hover({ answerId: "a", index: 5 }, "text");
    state().hover({ answerId: "a", index: 5 }, "text");
    state().hover(null, "text");
    state().hover(null, "text");
    stop();
    expect(changes).toBe(2);
  });
  it("lights a quadrant up and puts it out again", () => {
    state().toggleLit("a", "EXPLORING");
    expect(state().lit).toEqual({ answerId: "a", quadrant: "EXPLORING" });
    state().toggleLit("a", "RESAMPLING");
    expect(state().lit?.quadrant).toBe("RESAMPLING");
    state().toggleLit("a", "RESAMPLING");
    expect(state().lit).toBeNull();
  });
  it("forgets one answer and keeps the others", () => {
    state().select({ answerId: "a", index: 0 }, "list");
    state().hover({ answerId: "b", index: 0 }, "list");
    state().forget("a");
    expect(state().selected).toBeNull();
    expect(state().hovered?.answerId).toBe("b");
  });
});

describe("walk", () => {
  const sure = (text: string) => record({ text });
  const unsure = (text: string) => record({ text, quadrant: "EXPLORING", logits_entropy: 4.5 });
  const tokens = [sure("a"), sure("b\n"), unsure("c"), sure("d\n"), sure("e"), unsure("f")];

  it("goes by a token, and stops at the ends", () => {
    expect(walk(tokens, null, "ArrowRight", false)).toBe(0);
    expect(walk(tokens, null, "ArrowLeft", false)).toBe(5);
    expect(walk(tokens, 5, "ArrowRight", false)).toBe(5);
    expect(walk(tokens, 2, "ArrowLeft", false)).toBe(1);
  });
  it("jumps to the next uncertain token with Shift, or stays", () => {
    expect(walk(tokens, 0, "ArrowRight", true)).toBe(2);
    expect(walk(tokens, 2, "ArrowRight", true)).toBe(5);
    expect(walk(tokens, 5, "ArrowRight", true)).toBe(5);
    expect(walk(tokens, 5, "ArrowLeft", true)).toBe(2);
  });
  it("goes by the line up and down, and to the ends by Home and End", () => {
    expect(walk(tokens, 0, "ArrowDown", false)).toBe(2);
    expect(walk(tokens, 5, "ArrowUp", false)).toBe(4);
    expect(walk(tokens, 4, "ArrowDown", false)).toBe(5);
    expect(walk(tokens, 3, "Home", false)).toBe(0);
    expect(walk(tokens, 3, "End", false)).toBe(5);
  });
  it("leaves other keys and empty answers alone", () => {
    expect(walk(tokens, 0, "x", false)).toBeNull();
    expect(walk([], null, "ArrowRight", false)).toBeNull();
  });
});
