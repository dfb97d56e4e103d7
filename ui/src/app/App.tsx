export function App() {
  return <main>entropix</main>;
}
