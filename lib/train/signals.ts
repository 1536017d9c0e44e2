const codes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Signals that end a run politely. */
export type StopSignal = keyof typeof codes;

/** The exit code a shell expects after `signal`. */
export function exitCode(signal: StopSignal): number {
  return codes[signal];
}

/**
 * Calls `stop` at the first SIGINT or SIGTERM; a second one ends the process at once.
 * @returns removes the handlers
 */
export function onStopSignal(stop: (signal: StopSignal) => void): () => void {
  let asked = false;
  const handlers = (Object.keys(codes) as StopSignal[]).map((signal) => {
    const handle = (): void => {
      if (asked) process.exit(codes[signal]);
      asked = true;
      stop(signal);
    };
    process.on(signal, handle);
    return () => process.off(signal, handle);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}
