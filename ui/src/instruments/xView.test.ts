import { describe, expect, it } from "vitest";
import { XView } from "@/instruments/xView";

function view(): XView {
  const made = new XView();
  made.extend(0, 100);
  return made;
}

describe("XView", () => {
  it("follows the whole until it is zoomed, then stays", () => {
    const shared = view();
    shared.extend(0, 120);
    expect(shared.range).toEqual([0, 120]);
    shared.show(20, 40);
    shared.extend(0, 500);
    expect(shared.range).toEqual([20, 40]);
    shared.reset();
    expect(shared.range).toEqual([0, 500]);
  });
  it("zooms around a token, no closer than eight tokens, and out to the whole", () => {
    const shared = view();
    shared.zoom(0.5, 20);
    expect(shared.range).toEqual([10, 60]);
    for (let i = 0; i < 20; i++) shared.zoom(0.5, 20);
    expect(shared.range[1] - shared.range[0]).toBe(8);
    for (let i = 0; i < 20; i++) shared.zoom(2);
    expect(shared.zoomed).toBe(false);
  });
  it("pans within the data and keeps its width", () => {
    const shared = view();
    shared.show(20, 40);
    shared.pan(-5);
    expect(shared.range).toEqual([0, 20]);
    shared.pan(0.5);
    expect(shared.range).toEqual([10, 30]);
    shared.pan(99);
    expect(shared.range).toEqual([80, 100]);
  });
  it("tells every plot", () => {
    const shared = view();
    let told = 0;
    const stop = shared.subscribe(() => told++);
    shared.show(1, 20);
    stop();
    shared.reset();
    expect(told).toBe(1);
  });
});
