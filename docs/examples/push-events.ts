// Push usage with the CloudEvents SDK, safely repeated: npm install cloudevents
// An event gets its id once, when it happens. Keep events until push() resolves: whatever is sent again counts once.
import { CloudEvent } from "cloudevents";

export interface Rejected {
  index: number;
  id: string | null;
  source: string | null;
  code: string;
  detail: string;
}

/** What was used, as an event. */
export function scan(scanId: string, pages: number): CloudEvent<{ quantity: number; unit: string }> {
  return new CloudEvent({
    id: scanId,
    source: "/ocr/eu-1",
    type: "ocr.scan",
    time: new Date().toISOString(),
    data: { quantity: pages, unit: "page" },
  });
}

/**
 * Push up to 1,000 events; resolves to the refused ones, each with its code: all others are stored.
 * Repeats for `patience` seconds where there is no answer; throws where repeating does not help.
 */
export async function push(
  address: string,
  key: string,
  events: CloudEvent<unknown>[],
  patience = 3600,
): Promise<Rejected[]> {
  const body = JSON.stringify(events);
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/cloudevents-batch+json" };
  const until = Date.now() + patience * 1000;
  for (let wait = 0.5; ; wait = Math.min(2 * wait, 60)) {
    const answer = await fetch(`${address}/v1/events`, {
      method: "POST",
      body,
      headers,
      signal: AbortSignal.timeout(30_000),
    }).then(
      async (response) => ({ status: response.status, headers: response.headers, text: await response.text() }),
    ).catch((error: unknown) => error as Error);
    if (!(answer instanceof Error)) {
      if (answer.status === 202 || answer.status === 422) {
        return (JSON.parse(answer.text) as { rejected?: Rejected[] }).rejected ?? [];
      }
      if (answer.status !== 429 && answer.status < 500) {
        throw new Error(`${answer.status}: ${answer.text}`);
      }
      wait = Number(answer.headers.get("Retry-After")) || wait;
    }
    if (Date.now() + wait * 1000 > until) {
      throw answer instanceof Error ? answer : new Error(`${answer.status}: ${answer.text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}
