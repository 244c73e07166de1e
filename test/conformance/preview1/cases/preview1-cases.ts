import type { Case } from '../case.ts';
import { descriptorCases } from './descriptors.ts';
import { directoryCases } from './directories.ts';
import { pathCases } from './paths.ts';
import { pollCases } from './poll.ts';
import { processCases } from './process.ts';
import { socketCases } from './sockets.ts';

/** Every case of every function. */
export const preview1Cases: readonly Case[] = [...processCases, ...descriptorCases, ...directoryCases, ...pathCases, ...pollCases, ...socketCases];
