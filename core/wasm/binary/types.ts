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
  /** Array types: the binary logarithm of an element's bytes, by type index. */
  readonly arrays: ReadonlyMap<number, number>;
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

/** `onArray` hears of an array type: the first byte of its elements' type. */
function skipCompositeType(reader: BinaryReader, onArray: (element: number) => void): boolean {
  const at = reader.offset;
  const form = reader.u8('a type form');
  if (form === 0x60) {
    const parameters = skipValueTypes(reader, 'parameters');
    return skipValueTypes(reader, 'results') || parameters;
  }
  if (form === 0x5e) {
    onArray(reader.peek('a field type'));
    skipField(reader);
  } else if (form === 0x5f) for (let left = reader.count('fields', 2); left > 0; left--) skipField(reader);
  else throw malformed(`type form 0x${form.toString(16)} is unknown`, at);
  return true;
}

function skipSubType(reader: BinaryReader, onArray: (element: number) => void): boolean {
  const form = reader.peek('a type form');
  if (form !== 0x50 && form !== 0x4f) return skipCompositeType(reader, onArray);
  reader.skip(1, 'a type form');
  for (let left = reader.count('supertypes'); left > 0; left--) reader.u32('a supertype index');
  skipCompositeType(reader, onArray);
  return true;
}

/** log2 of the bytes of a field of that type; a reference is 8. */
function fieldSize(type: number): number {
  if (type === 0x78) return 0;
  if (type === 0x77) return 1;
  if (type === 0x7f || type === 0x7d) return 2;
  return type === 0x7b ? 4 : 3;
}

/** Reads a type section. */
export function readTypeSection(reader: BinaryReader): TypeSummary {
  let count = 0;
  let gc = false;
  const arrays = new Map<number, number>();
  const next = (): void => {
    gc = skipSubType(reader, (element) => arrays.set(count, fieldSize(element))) || gc;
    count++;
  };
  for (let groups = reader.count('types'); groups > 0; groups--) {
    if (reader.peek('a type form') === 0x4e) {
      reader.skip(1, 'a type form');
      for (let left = reader.count('types of a group'); left > 0; left--) next();
      gc = true;
    } else next();
  }
  reader.expectEnd('the type section');
  return { count, gc, arrays };
}
