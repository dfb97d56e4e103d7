import { nameOn, type Samplers } from "@/api/samplers";
import { countChanges } from "@/lib/overrides";
import type { AnswerStatus, PathTree, SamplerConfig } from "@/types";

/** How an answer forks: a policy, and what differs from its values. */
export interface ForkSettings {
  policy: string;
  overrides: SamplerConfig;
}

/** What a person chose in the sampler panel; saved with the conversation. */
export interface SamplerSettings {
  preset: string;
  /** Only what differs from the preset, nested as the config is. */
  overrides: SamplerConfig;
  /** What is added to tokens' logits, a line for each: "504 = -100". Not there in what was stored before there was such. */
  biases?: string[];
  /** Null: a new seed for each answer. */
  seed: number | null;
  maxTokens: number;
  /** Null, or not there in what was stored before there were forks: one path. */
  forks?: ForkSettings | null;
}

export interface Conversation {
  id: string;
  title: string;
  created: number;
  updated: number;
  /** Null: the server's own, until it is known. */
  systemPrompt: string | null;
  sampler: SamplerSettings;
  /** The child shown below each branching point: parent id (or ROOT) to child id. */
  choices: Record<string, string>;
  /** A side-by-side comparison: one prompt, two answers. */
  pair?: { left: SamplerSettings; right: SamplerSettings; sameSeed: boolean };
}

/** What an assistant's message knows beyond its text. Its tokens are stored apart (see traces.ts). */
export interface AnswerInfo {
  /** See status.ts. */
  status: AnswerStatus;
  /** The server's word, where the answer is done. */
  finishReason: string | null;
  error: string | null;
  sampler: SamplerSettings & { seed: number };
  /** Preset and overrides merged: what was in force. */
  config: SamplerConfig | null;
  model: string;
  seconds: number | null;
  /** Where this answer was forked off another one. */
  fork: { from: string; index: number } | null;
  /** The paths that the answer is one of, where there were several. Their tokens are stored apart (see db.ts). */
  tree?: PathTree | undefined;
}

export interface Message {
  id: string;
  conversationId: string;
  parentId: string | null;
  role: "user" | "assistant";
  content: string;
  created: number;
  answer?: AnswerInfo;
}

/** The key of a conversation's first messages in `choices`. */
export const ROOT = "root";

export const DEFAULT_SAMPLER: SamplerSettings = {
  preset: "auto",
  overrides: {},
  seed: null,
  maxTokens: 1024,
};

/** The settings as this server carries them out: a sampler that it does not have gives way to its own. */
export function settingsOn<T extends SamplerSettings>(samplers: Samplers | null, settings: T): T {
  const preset = nameOn(samplers, settings.preset);
  const known =
    !samplers || !settings.forks || samplers.forks.some(({ name }) => name === settings.forks?.policy);
  if (preset === settings.preset && known) return settings;
  return { ...settings, preset, forks: known ? settings.forks : null };
}

/** How many single values were chosen that differ from the preset. */
export function changesIn({ overrides, biases }: SamplerSettings): number {
  return countChanges(overrides) + (biases?.length ?? 0);
}

/** A random id that sorts by time. (randomUUID exists in secure contexts only; a page served to a LAN is none.) */
export function newId(): string {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return `${Date.now().toString(36)}-${[...random].map((n) => n.toString(36)).join("")}`;
}

/** A seed that fits 32 bits, so that it survives JSON and spreadsheets. */
export function newSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}
