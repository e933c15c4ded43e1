/** Sends mail through the server that SMTP_URL names. Where it names none, nothing can be mailed, and who asks for mail is told so. */
import { createTransport, type Transporter } from 'nodemailer';
import { assert } from '../domain/errors.js';
import { html } from '../periods/html-template.js';

/** For connecting, for the greeting, and for each answer. */
const STEP_MS_MAX = 10_000;
/** All in all. */
const MAIL_MS_MAX = 30_000;
const SUBJECT_CHARACTERS_MAX = 200;
/** The server refused this recipient or this message for good, and not us. */
const REFUSALS: readonly unknown[] = ['EENVELOPE', 'EMESSAGE'];

export type Mail = {
  /** The same in every attempt, so that a reader's program shows it once. */
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  /** Plain text, a sentence a line. */
  readonly body: string;
};

export type Refusal = { readonly status: number | null; readonly error: string; readonly isFinal: boolean };

export class MailSender {
  private readonly transport: Transporter | null;

  constructor(private readonly settings: { readonly url: string; readonly from: string } | null) {
    this.transport = settings === null ? null : transportTo(settings.url);
  }

  get isSetUp(): boolean {
    return this.transport !== null;
  }

  /** Null where the server has taken it. */
  async send(mail: Mail): Promise<Refusal | null> {
    const { transport, settings } = this;
    assert(transport !== null && settings !== null, 'mail is set up');
    const domain = settings.from.replace(/^.*@/, '').replace(/>.*$/, '');
    const sent = transport.sendMail({
      from: settings.from,
      to: { name: '', address: mail.recipient },
      subject: subjectOf(mail.subject),
      text: mail.body,
      html: htmlOf(mail.body),
      messageId: `<${mail.id}@${domain}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the mail server took too long')), MAIL_MS_MAX);
    });
    try {
      await Promise.race([sent, timeout]);
      return null;
    } catch (error) {
      sent.catch(() => {});
      return refusalOf(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

function transportTo(url: string): Transporter {
  return createTransport({
    url,
    connectionTimeout: STEP_MS_MAX,
    greetingTimeout: STEP_MS_MAX,
    socketTimeout: STEP_MS_MAX,
    dnsTimeout: STEP_MS_MAX,
  });
}

/** One line, whatever is in a name. */
export function subjectOf(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, SUBJECT_CHARACTERS_MAX);
}

function htmlOf(body: string): string {
  const lines = body.split('\n').map((line) => html`<p>${line}</p>`);
  return html`<!doctype html>
    <html lang="en">
      <body>
        ${lines}
      </body>
    </html>`.text;
}

function refusalOf(thrown: unknown): Refusal {
  const { code, responseCode, message } = Object(thrown) as Record<string, unknown>;
  const status = typeof responseCode === 'number' ? responseCode : null;
  const isFinal = REFUSALS.includes(code) && status !== null && status >= 500;
  return { status, error: String(message ?? thrown), isFinal };
}
