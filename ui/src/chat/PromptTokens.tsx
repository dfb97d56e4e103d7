import { TokenText } from "@/instruments/TokenText";
import { plural } from "@/lib/format";
import type { Message } from "@/store/model";
import { usePrompts } from "@/store/prompts";
import { useSettings } from "@/store/settings";

/** All that the model read ahead of an answer, in the colours of the answer, where that was asked for. */
export function PromptTokens({ message }: { message: Message }) {
  const prompt = usePrompts((s) => s[message.id]);
  const colourBy = useSettings((s) => s.colourBy);
  if (!prompt?.shown) return null;
  const { tokens } = prompt;
  return (
    <section aria-label="Prompt" className="mb-4 border-l-2 border-line pl-3 text-[15px]">
      <p role="status" className="mb-1 text-xs text-muted">
        {tokens
          ? `The prompt · ${plural(tokens.tokens.length, "token")}, tinted where they came unexpected`
          : "Reading the prompt…"}
      </p>
      {tokens && <TokenText answer={tokens} colourBy={colourBy} />}
    </section>
  );
}
