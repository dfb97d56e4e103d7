import { useMemo } from "react";
import { useShallow } from "zustand/react/shallow";
import { useServer } from "@/api/server";
import { useFacts } from "@/lib/facts";
import { createConversation, setSampler, updateConversation, useChats } from "./chats";
import { type Conversation, type Message, type SamplerSettings, settingsOn } from "./model";
import { useSettings } from "./settings";
import { underWayIn } from "./status";
import { activePath, type Messages, siblings } from "./tree";

const NONE: Messages = {};

export function useCurrent(): Conversation | null {
  return useChats((s) => (s.currentId ? (s.conversations[s.currentId] ?? null) : null));
}

export function useMessages(conversationId: string | null): Messages {
  return useChats((s) => (conversationId ? (s.messages[conversationId] ?? NONE) : NONE));
}

/** The ids on the active path of the open conversation. */
export function usePath(): string[] {
  const [conversation, messages] = useChats(
    useShallow((s) => {
      const conversation = s.currentId ? s.conversations[s.currentId] : undefined;
      return [conversation, (s.currentId && s.messages[s.currentId]) || NONE] as const;
    }),
  );
  const choices = conversation?.choices;
  return useMemo(() => activePath({ messages, choices: choices ?? {} }), [messages, choices]);
}

export function useSiblings(message: Message): Message[] {
  const messages = useMessages(message.conversationId);
  return useMemo(() => siblings(messages, message.id), [messages, message.id]);
}

/** The sampler's settings for the next message: the open conversation's, else the draft's. */
export function useSamplerSettings(): [SamplerSettings, (change: Partial<SamplerSettings>) => void] {
  const current = useCurrent();
  const draft = useSettings((s) => s.draft);
  const id = current?.id ?? null;
  const set = useMemo(
    () => (change: Partial<SamplerSettings>) => {
      if (id) setSampler(id, change);
      // What was set last is what the next conversation starts with.
      useSettings.setState((s) => ({
        draft: { ...s.draft, sampler: { ...s.draft.sampler, ...change } },
      }));
    },
    [id],
  );
  const samplers = useServer((s) => s.samplers);
  const wanted = current?.sampler ?? draft.sampler;
  return [useMemo(() => settingsOn(samplers, wanted), [samplers, wanted]), set];
}

/** The system prompt in force; null while it is the server's own and that is not known yet. */
export function useSystemPrompt(): [string | null, (text: string) => void] {
  const current = useCurrent();
  const draft = useSettings((s) => s.draft.systemPrompt);
  const id = current?.id ?? null;
  const set = useMemo(
    () => (systemPrompt: string) => {
      if (id) updateConversation(id, { systemPrompt });
      else useSettings.setState((s) => ({ draft: { ...s.draft, systemPrompt } }));
    },
    [id],
  );
  const served = useFacts((s) => s.system_prompt);
  return [(current ? current.systemPrompt : draft) ?? served, set];
}

/** The open conversation, or a new one made of the draft. */
export function ensureConversation(): Conversation {
  const { currentId, conversations } = useChats.getState();
  const current = currentId ? conversations[currentId] : undefined;
  if (current) return current;
  const { systemPrompt, sampler } = useSettings.getState().draft;
  return createConversation({ systemPrompt: systemPrompt ?? useFacts.getState().system_prompt, sampler });
}

/** The ids of this conversation's answers that are under way. */
export function useUnderWay(conversationId: string | null): string[] {
  return useChats(useShallow((s) => underWayIn((conversationId && s.messages[conversationId]) || NONE)));
}
