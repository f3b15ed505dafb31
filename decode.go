package ghdeploy

import "github.com/ghdeploy/ghdeploy/internal/wire"

// row is an object of a response that has an ID. A nil row has the ID 0.
type row interface{ rowID() int64 }

// object is a pointer type that is a row.
type object[T any] interface {
	*T
	row
}

// complete reports whether an object of a response has what its kind always
// has: a positive ID, or for a kind without ID its own rule.
func complete(v any) bool {
	switch v := v.(type) {
	case interface{ complete() bool }:
		return v.complete()
	case row:
		return v.rowID() > 0
	}
	return false
}

// decodeOne decodes a response that is one object.
func decodeOne[T any, P object[T]](resp *response) (*T, error) {
	v, err := rowOf[T](resp.body)
	if err != nil {
		return nil, malformed(resp, err)
	}
	if !complete(P(v)) {
		return nil, malformed(resp, nil)
	}
	resp.keep()
	return v, nil
}

// decodeRows decodes a response that is an array of objects.
func decodeRows[R any](resp *response) ([]R, error) {
	return decodeArray[R](resp, resp.body)
}

// decodeWrapped decodes a response that is an object with an array under key
// and an optional total_count.
func decodeWrapped[R any](resp *response, key string) (rows []R, total int, err error) {
	array, err := wire.Member(resp.body, key)
	if err != nil || array == nil {
		return nil, 0, malformed(resp, err)
	}
	count, err := wire.Member(resp.body, "total_count")
	if err != nil {
		return nil, 0, malformed(resp, err)
	}
	if count != nil {
		if err := wire.Decode(count, &total); err != nil || total < 0 {
			return nil, 0, malformed(resp, err)
		}
	}
	rows, err = decodeArray[R](resp, array)
	return rows, total, err
}

func decodeArray[R any](resp *response, array []byte) ([]R, error) {
	rows, err := rowsOf[R](array)
	if err != nil {
		return nil, malformed(resp, err)
	}
	if rows == nil { // null
		return nil, malformed(resp, nil)
	}
	for _, r := range rows {
		if !complete(r) {
			return nil, malformed(resp, nil)
		}
	}
	return rows, nil
}
