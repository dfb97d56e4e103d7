/** The theme's colours as a canvas needs them: resolved, and read again when the theme changes. */
import { useSyncExternalStore } from "react";
import { QUADRANT_NAMES, QUADRANTS } from "@/lib/quadrants";
import type { QuadrantName } from "@/types";

export interface Palette {
  ink: string;
  muted: string;
  faint: string;
  line: string;
  lineStrong: string;
  page: string;
  panel: string;
  accent: string;
  mono: string;
  quadrant: Record<QuadrantName, string>;
  /** Behind a region of the map. */
  tint: Record<QuadrantName, string>;
}

let palette: Palette | null = null;

/** The current palette; the component draws again when the theme changes. */
export function usePalette(): Palette {
  return useSyncExternalStore(watch, () => {
    palette ??= read();
    return palette;
  });
}

function watch(notify: () => void): () => void {
  const changed = () => {
    palette = null;
    notify();
  };
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}

function read(): Palette {
  const style = getComputedStyle(document.documentElement);
  const variable = (name: string) => style.getPropertyValue(name).trim();
  const quadrants = (suffix: string) =>
    Object.fromEntries(
      QUADRANT_NAMES.map((name) => [name, variable(`${QUADRANTS[name].colour}${suffix}`)]),
    ) as Record<QuadrantName, string>;
  return {
    ink: variable("--ink"),
    muted: variable("--muted"),
    faint: variable("--faint"),
    line: variable("--line"),
    lineStrong: variable("--line-strong"),
    page: variable("--page"),
    panel: variable("--panel"),
    accent: variable("--accent"),
    mono: variable("--number-family"),
    quadrant: { ...quadrants(""), FLOWING: variable("--muted") },
    tint: quadrants("-tint"),
  };
}
