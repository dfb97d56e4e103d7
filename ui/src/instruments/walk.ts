/** Moving the selection through an answer by keys. */
import { uncertain } from "@/lib/tint";
import type { TokenRecord } from "@/types";

/**
 * The index that a key leads to from `index` (null: nothing is selected yet), or null if the key means nothing here.
 * Left and right go by a token, with Shift to the next uncertain one; up and down by a newline; Home and End to the ends.
 */
export function walk(
  tokens: readonly TokenRecord[],
  index: number | null,
  key: string,
  shift: boolean,
): number | null {
  const last = tokens.length - 1;
  if (last < 0) return null;
  if (key === "Home") return 0;
  if (key === "End") return last;
  const step =
    key === "ArrowRight" || key === "ArrowDown" ? 1 : key === "ArrowLeft" || key === "ArrowUp" ? -1 : 0;
  if (step === 0) return null;
  const start = index ?? (step > 0 ? -1 : last + 1);
  if (shift) return seek(start, step, (token) => uncertain(token)) ?? index ?? null;
  if (key === "ArrowUp" || key === "ArrowDown") {
    const line = seek(start, step, (_, i) => i === 0 || tokens[i - 1]?.text.includes("\n") === true);
    return line ?? (step > 0 ? last : 0);
  }
  return Math.min(last, Math.max(0, start + step));

  function seek(from: number, by: number, wanted: (token: TokenRecord, i: number) => boolean): number | null {
    for (let i = from + by; i >= 0 && i <= last; i += by) {
      const token = tokens[i];
      if (token && wanted(token, i)) return i;
    }
    return null;
  }
}
