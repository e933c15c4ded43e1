/** The first view of the console in a browser that has never been here, but is signed in. */
import type { Page } from 'playwright-core';

export type FirstView = {
  readonly files: number;
  /** As they were on their way: compressed, with headers. */
  readonly bytes: number;
  readonly msUntilUsable: number;
};

/** Opens the address with the cookies of a page that is signed in, and waits until what the selector finds is visible. */
export async function firstViewFor(
  signedIn: Page,
  { url, usable }: { url: string; usable: string },
): Promise<FirstView> {
  const context = await signedIn.context().browser()!.newContext();
  context.setDefaultTimeout(120_000);
  try {
    await context.addCookies(await signedIn.context().cookies());
    const page = await context.newPage();
    const client = await context.newCDPSession(page);
    await client.send('Network.enable');
    const [ofConsole, bytes] = [new Set<string>(), [] as number[]];
    client.on('Network.responseReceived', ({ requestId, response }) => {
      if (response.url.includes('/dashboard')) ofConsole.add(requestId);
    });
    client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (ofConsole.has(requestId)) bytes.push(encodedDataLength);
    });
    const start = performance.now();
    await page.goto(url, { waitUntil: 'commit' });
    await page.locator(usable).first().waitFor();
    const msUntilUsable = performance.now() - start;
    return { files: bytes.length, bytes: bytes.reduce((sum, each) => sum + each, 0), msUntilUsable };
  } finally {
    await context.close();
  }
}
