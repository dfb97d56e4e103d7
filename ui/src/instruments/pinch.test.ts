import { describe, expect, it } from "vitest";
import { Pinch } from "@/instruments/pinch";
import type { Range } from "@/instruments/xView";

const WIDTH = 400;
const valueAt = ([min, max]: Range, x: number) => min + ((max - min) * x) / WIDTH;

function two(): Pinch {
  const pinch = new Pinch();
  pinch.down(1, 100);
  pinch.down(2, 300);
  return pinch;
}

describe("Pinch", () => {
  it("keeps what is under each finger under it while they spread", () => {
    const shown: Range = [50, 250];
    const zoomed = two().move(1, 20, shown, WIDTH) as Range;
    expect(valueAt(zoomed, 20)).toBeCloseTo(valueAt(shown, 100));
    expect(valueAt(zoomed, 300)).toBeCloseTo(valueAt(shown, 300));
    expect(zoomed[1] - zoomed[0]).toBeLessThan(200);
  });
  it("pans where both move alike", () => {
    const pinch = two();
    const half = pinch.move(1, 140, [0, 400], WIDTH) as Range;
    const [min, max] = pinch.move(2, 340, half, WIDTH) as Range;
    expect(min).toBeCloseTo(-40);
    expect(max).toBeCloseTo(360);
  });
  it("leaves one finger alone, and a third, and one that was never put down", () => {
    const pinch = new Pinch();
    pinch.down(1, 100);
    expect(pinch.active).toBe(false);
    expect(pinch.move(1, 200, [0, 10], WIDTH)).toBeNull();
    expect(two().move(9, 200, [0, 10], WIDTH)).toBeNull();
    const three = two();
    three.down(3, 200);
    expect(three.move(1, 120, [0, 10], WIDTH)).toBeNull();
    three.up(3);
    expect(three.move(1, 80, [0, 10], WIDTH)).not.toBeNull();
  });
  it("does not run away where the fingers meet", () => {
    const [min, max] = two().move(1, 300, [0, 100], WIDTH) as Range;
    expect(max - min).toBeCloseTo((100 * 200) / 24);
  });
});
