// Package histories looks for what a list of cases cannot foresee. It is not released: the tests of this module run it on
// our stores, and [storetest.Run] is for everyone.
//
// [Sessions] and [Subjects] let several clients loose on one session, or on the sessions of one subject, with and without
// lost calls and lost acknowledgements, and ask porcupine whether what they were told has an order that the contract allows.
// [Sequences] runs random operations one after the other, with rapid, and compares each answer with that of the reference
// store, time included.
//
// What fails prints its seed. SOJOURN_SEED repeats the plan of a history, rapid's own flag that of a sequence;
// SOJOURN_HISTORIES sets how many are run, SOJOURN_SOAK for how long.
package histories
