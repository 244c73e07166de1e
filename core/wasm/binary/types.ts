import type { BinaryReader } from './binary-reader.ts';
import { malformed } from './binary-reader.ts';

const referenceNull = 0x63;
const reference = 0x64;
/** Heap types that came with the GC proposal: exn and noexn (0x74, 0x69) came with exception handling. */
const gcHeapTypes: ReadonlySet<number> = new Set([0x73, 0x72, 0x71, 0x6e, 0x6d, 0x6c, 0x6b, 0x6a]);

/** Types that a module declares. */
export interface TypeSummary {
  /** Type indices, that is with each member of a recursive group counted. */
  readonly count: number;
  readonly gc: boolean;
}

/** Passes over a value type (core spec 3.0, §5.3.4). True when it is one of the GC proposal's. */
export function skipValueType(reader: BinaryReader): boolean {
  const at = reader.offset;
  const byte = reader.u8('a value type');
  if (byte === referenceNull || byte === reference) return skipHeapType(reader);
  if (byte < 0x69 || byte > 0x7f) throw malformed(`value type 0x${byte.toString(16)} is unknown`, at);
  return gcHeapTypes.has(byte);
}

/** Passes over a heap type: an abstract one (one byte) or a type index. True when it is one of the GC proposal's. */
export function skipHeapType(reader: BinaryReader): boolean {
  const gc = gcHeapTypes.has(reader.peek('a heap type'));
  reader.skipLeb(33, 'a heap type');
  return gc;
}

function skipValueTypes(reader: BinaryReader, what: string): boolean {
  let gc = false;
  for (let left = reader.count(what); left > 0; left--) gc = skipValueType(reader) || gc;
  return gc;
}

function skipField(reader: BinaryReader): void {
  const byte = reader.peek('a field type');
  // i8 and i16 are storage types only.
  if (byte === 0x78 || byte === 0x77) reader.skip(1, 'a field type');
  else skipValueType(reader);
  reader.skip(1, 'a field mutability');
}

function skipCompositeType(reader: BinaryReader): boolean {
  const at = reader.offset;
  const form = reader.u8('a type form');
  if (form === 0x60) {
    const parameters = skipValueTypes(reader, 'parameters');
    return skipValueTypes(reader, 'results') || parameters;
  }
  if (form === 0x5e) skipField(reader);
  else if (form === 0x5f) for (let left = reader.count('fields', 2); left > 0; left--) skipField(reader);
  else throw malformed(`type form 0x${form.toString(16)} is unknown`, at);
  return true;
}

function skipSubType(reader: BinaryReader): boolean {
  const form = reader.peek('a type form');
  if (form !== 0x50 && form !== 0x4f) return skipCompositeType(reader);
  reader.skip(1, 'a type form');
  for (let left = reader.count('supertypes'); left > 0; left--) reader.u32('a supertype index');
  skipCompositeType(reader);
  return true;
}

/** Reads a type section. */
export function readTypeSection(reader: BinaryReader): TypeSummary {
  let count = 0;
  let gc = false;
  for (let groups = reader.count('types'); groups > 0; groups--) {
    if (reader.peek('a type form') === 0x4e) {
      reader.skip(1, 'a type form');
      const members = reader.count('types of a group');
      for (let left = members; left > 0; left--) skipSubType(reader);
      count += members;
      gc = true;
    } else {
      gc = skipSubType(reader) || gc;
      count++;
    }
  }
  reader.expectEnd('the type section');
  return { count, gc };
}
