// Why a table was refused, as a number that metrics can carry; docs/operations.md lists them.

/** What brings the table is in no form that is known, or says what is not. */
export const REFUSED_CONFIGURATION: u32 = 1;
/** No table, or not as it was packed. */
export const REFUSED_DAMAGED: u32 = 2;
/** Of another layout than this filter reads. */
export const REFUSED_LAYOUT: u32 = 3;
/** Whole, and a number in it leads nowhere, or is past its limit. */
export const REFUSED_CONTENT: u32 = 4;
/** It does not have the listener. */
export const REFUSED_LISTENER: u32 = 5;
/** It sets another header than the proxy routes by. */
export const REFUSED_CLUSTER_HEADER: u32 = 6;
/** The VM has no room for it. */
export const REFUSED_ROOM: u32 = 7;
