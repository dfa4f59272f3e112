/** 1 KiB each: the CRC of every byte with 0…7 zero bytes after it. Made when they are first needed. */
const TABLES = memory.data(8192);
const TABLE: usize = 1024;
const POLYNOMIAL: u32 = 0xedb88320;
let isMade: bool = false;

function makeTables(): void {
  isMade = true;
  for (let byte: u32 = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    store<u32>(TABLES + (byte << 2), crc);
  }
  for (let table: usize = TABLES + TABLE; table < TABLES + 8 * TABLE; table += TABLE) {
    for (let byte: u32 = 0; byte < 256; byte++) {
      const before = load<u32>(table - TABLE + (byte << 2));
      store<u32>(table + (byte << 2), (before >> 8) ^ crcOf(0, before));
    }
  }
}

/** The CRC of the lowest byte of `value` with so many zero bytes after it. */
function crcOf(zeros: usize, value: u32): u32 {
  return load<u32>(TABLES + zeros * TABLE + ((value & 0xff) << 2));
}

/** CRC-32 of IEEE 802.3, as in zlib; eight bytes a turn, as a table may have tens of megabytes. */
export function crc32(at: usize, length: u32): u32 {
  if (!isMade) makeTables();
  let crc: u32 = 0xffffffff;
  const end = at + length;
  for (; end - at >= 8; at += 8) {
    const low = load<u32>(at) ^ crc;
    const high = load<u32>(at, 4);
    crc =
      crcOf(7, low) ^
      crcOf(6, low >> 8) ^
      crcOf(5, low >> 16) ^
      crcOf(4, low >> 24) ^
      crcOf(3, high) ^
      crcOf(2, high >> 8) ^
      crcOf(1, high >> 16) ^
      crcOf(0, high >> 24);
  }
  for (; at < end; at++) crc = (crc >> 8) ^ crcOf(0, crc ^ <u32>load<u8>(at));
  return ~crc;
}
