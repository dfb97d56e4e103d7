import { create } from "zustand";
import { isAbort } from "@/api/errors";
import { readPrompt } from "@/api/prompt";
import { serverKnown, useServer } from "@/api/server";
import type { Answer } from "@/types";
import { answerOf } from "./chats";
import { requestFor } from "./generation";
import type { Message } from "./model";

interface Prompt {
  shown: boolean;
  /** The prompt in the form of an answer, for whatever shows tokens; null while it is read. */
  tokens: Answer | null;
}

/** The prompts of answers, token by token, by the ids of their messages. They are not stored. */
export const usePrompts = create<Record<string, Prompt>>(() => ({}));

const reading = new Map<string, AbortController>();

/** Shows the prompt of an answer, or hides it. Throws where the server cannot be asked what it thought of it. */
export async function togglePrompt(message: Message): Promise<void> {
  const { id } = message;
  const known = usePrompts.getState()[id];
  const tokens = known?.tokens ?? null;
  usePrompts.setState({ [id]: { shown: !known?.shown, tokens } });
  if (known?.shown) return reading.get(id)?.abort();
  if (tokens) return;
  const abort = new AbortController();
  reading.set(id, abort);
  try {
    usePrompts.setState({ [id]: { shown: true, tokens: await read(message, abort.signal) } });
  } catch (error) {
    if (isAbort(error)) return;
    usePrompts.setState({ [id]: { shown: false, tokens: null } });
    throw error;
  }
}

async function read(message: Message, signal: AbortSignal): Promise<Answer> {
  await serverKnown(signal);
  const wrote = message.answer?.model;
  if (wrote !== useServer.getState().model)
    throw new Error(`${wrote} wrote this answer; load it again to see what it thought of the prompt.`);
  const tokens = await readPrompt(requestFor({ ...message, content: "" }, []), signal);
  const text = tokens.map((token) => token.text).join("");
  const { config } = answerOf(message, []);
  return {
    id: `${message.id}:prompt`,
    label: "The prompt",
    tokens,
    text,
    status: "done",
    finishReason: null,
    config,
    seconds: null,
  };
}
