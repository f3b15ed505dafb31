package main

import (
	"encoding/json"
	"net/http"
)

// health responds with 200 and the state of the receiver, while the receiver
// accepts deliveries.
func (r *receiver) health(w http.ResponseWriter, _ *http.Request) {
	queue, received := r.queue.Stats(), r.handler.Stats()
	w.Header().Set("Content-Type", "application/json")
	//nolint:errchkjson // a struct of numbers
	_ = json.NewEncoder(w).Encode(struct {
		Reconciled    bool    `json:"reconciled"`     // the deployments from before the start are in the queue
		Unreported    int     `json:"unreported"`     // outcomes that are not reported yet
		Waiting       int     `json:"waiting"`        // waiting deployments
		Running       int     `json:"running"`        // running deployments
		OldestSeconds float64 `json:"oldest_seconds"` // age of the oldest waiting or running deployment
		Finished      int64   `json:"finished"`       // this and the following are totals
		Failed        int64   `json:"failed"`
		Duplicates    int64   `json:"duplicates"`
		Refused       int64   `json:"refused"`    // because the queue was full
		Unverified    int64   `json:"unverified"` // without a valid signature
		Malformed     int64   `json:"malformed"`
	}{
		r.reconciled.Load(), len(r.deployer.unreported.ids()),
		queue.Waiting, queue.Running, queue.OldestAge.Seconds(),
		queue.Finished, queue.Failed, queue.Duplicates, queue.Refused,
		received.Unverified, received.Malformed,
	})
}
