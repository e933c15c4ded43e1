/**
 * Time as this process has it: in turns of its event loop, as the service counts its deadlines. On a quiet machine these are
 * milliseconds; on a busy one a process that had to wait for its turn has not waited for anybody else.
 */
const TURN_MS = 5;

/** How many milliseconds of its own time `run` takes, of those in which `counts` says so. */
export async function ownMsOf(
  run: () => Promise<unknown>,
  counts: () => boolean = () => true,
): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => {
    if (counts()) turns += 1;
  }, TURN_MS);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return turns * TURN_MS;
}
