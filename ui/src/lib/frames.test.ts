import { beforeEach, describe, expect, it, vi } from "vitest";

let frames: (() => void)[] = [];
let now = 0;
let drawText: typeof import("@/lib/frames").drawText;
let drawView: typeof import("@/lib/frames").drawView;
const drawn: string[] = [];

/** Lets one frame pass; returns what it drew. */
function frame(): string[] {
  drawn.length = 0;
  const due = frames;
  frames = [];
  for (const callback of due) callback();
  return [...drawn];
}

/** A view that takes `ms` to draw. */
const view = (name: string, ms: number) => () => {
  drawn.push(name);
  now += ms;
};

beforeEach(async () => {
  frames = [];
  now = 0;
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => frames.push(callback));
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.resetModules();
  ({ drawText, drawView } = await import("@/lib/frames"));
});

describe("the frames of a streaming answer", () => {
  it("draws text and views in turn, never in one frame", () => {
    const text = view("text", 1);
    const list = view("list", 1);
    const seen: string[][] = [];
    for (let i = 0; i < 4; i++) {
      drawText(text);
      drawView(list);
      seen.push(frame());
    }
    expect(seen).toEqual([["text"], ["list"], ["text"], ["list"]]);
  });
  it("draws as many views in a frame as fit, and goes on with the others in the next", () => {
    for (const name of ["a", "b", "c"]) drawView(view(name, 3));
    expect(frame()).toEqual(["a", "b"]);
    expect(frame()).toEqual(["c"]);
    expect(frames).toEqual([]);
  });
  it("gives two texts and the views an equal share", () => {
    const [left, right, list] = [view("left", 1), view("right", 1), view("list", 9)];
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) {
      drawText(left);
      drawText(right);
      drawView(list);
      seen.push(...frame());
    }
    expect(seen).toEqual(["left", "right", "list", "left", "right", "list"]);
  });
  it("draws once what was asked for twice, and nothing that was called off", () => {
    const text = view("text", 1);
    drawText(text);
    drawText(text);
    const stop = drawView(view("list", 1));
    stop();
    expect(frame()).toEqual(["text"]);
    expect(frame()).toEqual([]);
  });
  it("goes on after a view that failed", () => {
    drawView(() => {
      throw new Error("broken");
    });
    drawText(view("text", 1));
    expect(() => frame()).toThrow("broken");
    expect(frame()).toEqual(["text"]);
  });
});
