import type { InspectorTab } from "@/store/settings";

export const TABS: readonly { value: InspectorTab; label: string }[] = [
  { value: "tokens", label: "Tokens" },
  { value: "timeline", label: "Timeline" },
  { value: "map", label: "Map" },
  { value: "sampler", label: "Sampler" },
  { value: "forks", label: "Forks" },
];
