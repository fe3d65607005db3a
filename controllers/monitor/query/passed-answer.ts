import type { ServerResponse } from 'node:http';
import { AppError } from '@skyarc/lib/errors';
import { type Dispatcher, getGlobalDispatcher } from 'undici';
import { jsonType, StreamedAnswer } from '../server.ts';
import { answerOf } from './prometheus-client.ts';

interface Question {
  /** Of one Prometheus. */
  readonly url: string;
  readonly path: string;
  readonly onAnswered: () => void;
}

/** What one Prometheus says, passed on unread as it comes; what it refuses is thrown instead. */
export class PassedAnswer extends StreamedAnswer {
  private readonly question: Question;

  constructor(question: Question) {
    super();
    this.question = question;
  }

  /** Throws what Prometheus says of the question, UNAVAILABLE when it does not answer. */
  writeTo(response: ServerResponse): Promise<void> {
    const { url: origin, path } = this.question;
    return new Promise((resolve, reject) => {
      const passing = new Passing(this.question, response, { resolve, reject });
      getGlobalDispatcher().dispatch({ origin, path, method: 'GET' }, passing);
    });
  }
}

class Passing implements Dispatcher.DispatchHandler {
  private refusal: Buffer[] | undefined;
  private readonly question: Question;
  private readonly response: ServerResponse;
  private readonly ended: { readonly resolve: () => void; readonly reject: (error: unknown) => void };

  constructor(question: Question, response: ServerResponse, ended: Passing['ended']) {
    this.question = question;
    this.response = response;
    this.ended = ended;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { response } = this;
    response.once('close', () => {
      if (!response.writableFinished) controller.abort(new AppError('CANCELED', 'The asker is gone'));
    });
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status !== 200) {
      this.refusal = [];
      return;
    }
    const length = headers['content-length'];
    this.response.writeHead(200, {
      'content-type': jsonType,
      ...(typeof length === 'string' ? { 'content-length': length } : {}),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.refusal) this.refusal.push(chunk);
    else if (!this.response.write(chunk)) {
      controller.pause();
      this.response.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(): void {
    if (this.refusal) {
      try {
        answerOf(this.question.url, Buffer.concat(this.refusal));
      } catch (error) {
        this.ended.reject(error);
        return;
      }
    }
    this.response.end();
    this.question.onAnswered();
    this.ended.resolve();
  }

  onResponseError(_: unknown, cause: Error): void {
    // Half an answer cannot be taken back: it ends torn.
    if (this.response.headersSent) this.response.destroy();
    this.ended.reject(
      new AppError('UNAVAILABLE', `Prometheus at ${this.question.url} does not answer`, { cause }),
    );
  }
}
