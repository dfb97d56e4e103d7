/**
 * Where an answer stands. Its message keeps it (`answer.status`), and the answer that views get has it from there; what
 * follows from it is asked here.
 */
import type { AnswerStatus } from "@/types";
import type { AnswerInfo, Message } from "./model";
import type { Messages } from "./tree";

/** Whether more of it may come: this tab, or another one, is at it. */
export function underWay(answer: { status: AnswerStatus } | undefined): boolean {
  return answer?.status === "waiting" || answer?.status === "streaming";
}

/** The ids of the answers under way among a conversation's messages. */
export function underWayIn(messages: Messages): string[] {
  return Object.keys(messages).filter((id) => underWay(messages[id]?.answer));
}

/** An answer under way whose page is gone. What had arrived is kept. */
export function interrupted(message: Message): Message {
  if (!message.answer || !underWay(message.answer)) return message;
  return { ...message, answer: { ...message.answer, status: "interrupted" } };
}

/** A stored or exported message with the words of today: there were four, and `finishReason` said the rest. */
export function inWordsOfToday(message: Message): Message {
  const { answer } = message;
  if (!answer) return message;
  const { status, finishReason } = answer as Omit<AnswerInfo, "status"> & { status: AnswerStatus | "error" };
  if (status === "error") return { ...message, answer: { ...answer, status: "failed" } };
  if (status !== "stopped" || finishReason === null) return message;
  const said = finishReason === "interrupted" ? "interrupted" : "stopped";
  return { ...message, answer: { ...answer, status: said, finishReason: null } };
}
