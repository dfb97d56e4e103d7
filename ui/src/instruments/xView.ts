/** The stretch of tokens that a set of plots shows, shared by all of them. */

export type Range = readonly [min: number, max: number];

/** Zooming in stops at so many tokens. */
const NARROWEST = 8;

export class XView {
  /** What there is to see. */
  #full: Range = [0, NARROWEST];
  /** What is shown; null follows the whole, streaming answers included. */
  #shown: Range | null = null;
  readonly #listeners = new Set<() => void>();

  get range(): Range {
    return this.#shown ?? this.#full;
  }

  get zoomed(): boolean {
    return this.#shown !== null;
  }

  /** Tells how far the data reach; does not notify, for it comes with new data that are drawn anyway. */
  extend(min: number, max: number): void {
    this.#full = [min, Math.max(max, min + NARROWEST)];
  }

  show(min: number, max: number): void {
    const [from, to] = this.#full;
    const width = Math.min(Math.max(max - min, NARROWEST), to - from);
    const start = Math.min(Math.max(min, from), to - width);
    this.#set(width >= to - from ? null : [start, start + width]);
  }

  /** Scales the stretch by `factor` (under 1 zooms in) around a token. */
  zoom(factor: number, around?: number): void {
    const [min, max] = this.range;
    const centre = around ?? (min + max) / 2;
    this.show(centre - (centre - min) * factor, centre + (max - centre) * factor);
  }

  /** Moves by a share of the stretch. */
  pan(share: number): void {
    const [min, max] = this.range;
    const by = (max - min) * share;
    const [from, to] = this.#full;
    const allowed = Math.min(Math.max(by, from - min), to - max);
    if (this.#shown) this.show(min + allowed, max + allowed);
  }

  reset(): void {
    this.#set(null);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #set(shown: Range | null): void {
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }
}
