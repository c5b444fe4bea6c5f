package tracing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	exportTimeout  = 10 * time.Second // for one batch, with its repetitions
	attemptTimeout = 3 * time.Second
	attempts       = 3
	attemptPause   = time.Second // before the second attempt; twice as long before the third
)

// otlp sends spans as OTLP/HTTP in protobuf. OpenTelemetry's own client does the same with gRPC
// compiled in: seven megabytes of program for one POST.
type otlp struct {
	url  string
	log  *slog.Logger
	http http.Client
	lost atomic.Bool // the last batch did not arrive
}

// Start implements otlptrace.Client.
func (o *otlp) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (o *otlp) Stop(context.Context) error {
	o.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. What does not arrive is lost, and said once: an error
// would go to the standard error output behind the back of the log.
func (o *otlp) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// On the wire a TracesData is an ExportTraceServiceRequest, see opentelemetry-proto.
	batch, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err == nil {
		err = o.send(ctx, batch)
	}
	if lost := err != nil; o.lost.Swap(lost) != lost {
		if lost {
			o.log.Warn("traces cannot be exported, and are lost until they can", "error", err)
		} else {
			o.log.Info("traces are exported again")
		}
	}
	return nil
}

// send repeats what may succeed later, as OTLP/HTTP's section on failures says.
func (o *otlp) send(ctx context.Context, batch []byte) error {
	for attempt := 1; ; attempt++ {
		again, err := o.post(ctx, batch)
		if err == nil || !again || attempt == attempts {
			return err
		}
		timer := time.NewTimer(time.Duration(attempt) * attemptPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

func (o *otlp) post(ctx context.Context, batch []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(batch))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := o.http.Do(request)
	if err != nil {
		return true, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be kept
	switch response.StatusCode {
	case http.StatusOK:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, fmt.Errorf("the receiver of traces answers with status %d", response.StatusCode)
}
