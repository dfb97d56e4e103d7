/** The biases of lines such as "504 = -100", as a request has them: by token ids. */
export function biasOf(lines: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    lines.map((line) => {
      const [id = "", value = ""] = line.split("=");
      return [String(Number(id)), Number(value)] as const;
    }),
  );
}
