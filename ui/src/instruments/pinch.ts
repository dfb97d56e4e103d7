/** Two fingers on a plot: what is under each stays under it, so that spreading them zooms and moving both pans. */
import type { Range } from "@/instruments/xView";

export class Pinch {
  /** Where each finger is, in CSS pixels from the plot's left edge. */
  readonly #fingers = new Map<number, number>();

  /** Whether two fingers or more are down. */
  get active(): boolean {
    return this.#fingers.size >= 2;
  }

  down(finger: number, x: number): void {
    this.#fingers.set(finger, x);
  }

  up(finger: number): void {
    this.#fingers.delete(finger);
  }

  /** The stretch to show once a finger has moved on a plot so many CSS pixels wide; null where it is not one of two. */
  move(finger: number, x: number, [min, max]: Range, width: number): Range | null {
    const others = [...this.#fingers].filter(([id]) => id !== finger);
    const before = this.#fingers.get(finger);
    if (before === undefined) return null;
    this.#fingers.set(finger, x);
    const other = others[0]?.[1];
    if (other === undefined || others.length > 1) return null;
    // Fingers that meet would zoom without end.
    const apart = Math.max(Math.abs(x - other), CLOSEST);
    const span = ((max - min) * Math.max(Math.abs(before - other), CLOSEST)) / apart;
    const held = min + ((max - min) * (before + other)) / 2 / width;
    const start = held - (span * (x + other)) / 2 / width;
    return [start, start + span];
  }
}

/** In CSS pixels. */
const CLOSEST = 24;
