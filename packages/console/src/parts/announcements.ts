/** What happened, shown for a while and read out by screen readers. */

type Announcement = { readonly id: number; readonly text: string; readonly tone: 'good' | 'bad' };

const SHOWN_MS = 8_000;

let announcements: readonly Announcement[] = [];
let count = 0;
const listeners = new Set<() => void>();

export function announce(text: string, tone: Announcement['tone'] = 'good'): void {
  const id = (count += 1);
  set([...announcements, { id, text, tone }]);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  set(announcements.filter((each) => each.id !== id));
}

export function currentAnnouncements(): readonly Announcement[] {
  return announcements;
}

export function onAnnouncements(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(next: readonly Announcement[]): void {
  announcements = next;
  for (const listener of listeners) listener();
}
