import { glyphOf, useFacts } from "@/lib/facts";
import type { QuadrantName } from "@/types";

/** The character that stands for a quadrant; it appears once the server has said it. */
export function Glyph({ of }: { of: QuadrantName }): string {
  return useFacts(() => glyphOf(of));
}
