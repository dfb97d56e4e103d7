/**
 * The instruments for looking at an answer's tokens. The plots (Timeline, Compare, QuadrantMap) and the list are modules
 * of their own, to be loaded when they are first opened.
 */
export { Legend, type LegendProps } from "@/instruments/Legend";
export { ShareBar, type ShareBarProps } from "@/instruments/ShareBar";
export { markedIn, type Point, type Selection, useSelection, type View } from "@/instruments/selection";
export { type OnFork, TokenText, type TokenTextProps } from "@/instruments/TokenText";
