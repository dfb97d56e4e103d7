import { Check, Copy } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { IconButton } from "@/kit/controls";

export function CopyButton({ text, label }: { text: () => string; label: string }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton
      icon={done ? Check : Copy}
      size={15}
      label={done ? "Copied" : label}
      onClick={() => {
        void navigator.clipboard?.writeText(text()).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 1500);
        });
      }}
    />
  );
}

export function CodeBlock({ children }: { children?: ReactNode }) {
  const pre = useRef<HTMLPreElement>(null);
  return (
    <div className="group/code relative my-3">
      <pre
        ref={pre}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        className="num overflow-x-auto rounded-lg border border-line bg-panel p-3 text-[13px]"
      >
        {children}
      </pre>
      <div className="absolute top-1 right-1 rounded-md bg-panel opacity-0 group-focus-within/code:opacity-100 group-hover/code:opacity-100 pointer-coarse:opacity-100">
        <CopyButton label="Copy code" text={() => pre.current?.textContent ?? ""} />
      </div>
    </div>
  );
}
