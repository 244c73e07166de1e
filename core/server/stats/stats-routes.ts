import type { Clock } from '../../api/clock.ts';
import type { Engine } from '../../api/engine.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import { answerJson, type Route } from '../router.ts';
import { readNodeUsage, type NodeUsage } from './node-usage.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { summary } from './summary.ts';

export interface StatsRoutesOptions {
  readonly nodeName: string;
  readonly engine: Pick<Engine, 'containerStats'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What containers use: for metrics-server and `kubectl top`, for the Summary's readers, and for `wasmlet top`. */
export function statsRoutes({ nodeName, engine, clock, logger }: StatsRoutesOptions): Route[] {
  return [
    {
      pattern: '/metrics/resource',
      methods: ['GET'],
      handle: (_, response) => {
        const body = resourceMetrics(engine.containerStats(), nodeUsage(logger), clock.now());
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
      },
    },
    { pattern: '/stats/summary', methods: ['GET', 'POST'], handle: (_, response) => answerJson(response, summary(nodeName, engine.containerStats(), readNodeUsage(), clock.now())) },
    {
      pattern: '/wasmlet/v1/stats',
      methods: ['GET'],
      handle: (_, response) => {
        const begun = clock.monotonic();
        const items = engine.containerStats();
        answerJson(response, { readMilliseconds: clock.monotonic() - begun, items });
      },
    },
  ];
}

/** A machine that cannot be read must not hide its containers; the scrape tells of the error. */
function nodeUsage(logger: Logger): NodeUsage | undefined {
  try {
    return readNodeUsage();
  } catch (error) {
    logger.warn({ error: messageOf(error) }, 'the usage of the machine cannot be read');
    return undefined;
  }
}
