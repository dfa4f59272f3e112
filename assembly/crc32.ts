// CRC-32 of IEEE 802.3, by tables of eight bytes a turn.

/** 1 KiB each: the CRC of every byte with 0…7 zero bytes after it. Made when they are first needed. */
const TABLES = memory.data(8192);
const TABLE: usize = 1024;
/** Where a byte's CRC stands in its table: the byte, moved up by 2. */
const PLACE: u32 = 0x3fc;
const POLYNOMIAL: u32 = 0xedb88320;
let isMade: bool = false;

function makeTables(): void {
  isMade = true;
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    store<u32>(TABLES + (byte << 2), crc);
  }
  for (let at: usize = TABLES; at < TABLES + 7 * TABLE; at += 4) {
    const before = load<u32>(at);
    store<u32>(at + TABLE, (before >> 8) ^ load<u32>(TABLES + ((before << 2) & PLACE)));
  }
}

/**
 * CRC-32 of IEEE 802.3, as in zlib; eight bytes a turn, as a table may have tens of megabytes. The loads are written
 * out, as a function of theirs would be called, and paired so that few of them wait for each other.
 */
export function crc32(at: usize, length: u32): u32 {
  if (!isMade) makeTables();
  let crc: u32 = 0xffffffff;
  const end = at + length;
  for (; end - at >= 8; at += 8) {
    const low = load<u32>(at) ^ crc;
    const high = load<u32>(at, 4);
    const ofHigh =
      load<u32>(TABLES + 3 * TABLE + ((high << 2) & PLACE)) ^
      load<u32>(TABLES + 2 * TABLE + ((high >> 6) & PLACE)) ^
      load<u32>(TABLES + 1 * TABLE + ((high >> 14) & PLACE)) ^
      load<u32>(TABLES + 0 * TABLE + ((high >> 22) & PLACE));
    crc =
      load<u32>(TABLES + 7 * TABLE + ((low << 2) & PLACE)) ^
      load<u32>(TABLES + 6 * TABLE + ((low >> 6) & PLACE)) ^
      (load<u32>(TABLES + 5 * TABLE + ((low >> 14) & PLACE)) ^
        load<u32>(TABLES + 4 * TABLE + ((low >> 22) & PLACE)) ^
        ofHigh);
  }
  for (; at < end; at++) crc = (crc >> 8) ^ load<u32>(TABLES + (((crc ^ <u32>load<u8>(at)) << 2) & PLACE));
  return ~crc;
}
