package avatar

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options name a place in an S3-compatible store. Prefix, VirtualHost and Transport may be left out.
type S3Options struct {
	Endpoint    *url.URL // scheme and host
	Region      string
	Bucket      string
	Prefix      string // of the names of the objects, as it is written: a folder ends in a slash
	VirtualHost bool   // the bucket is a part of the host's name, as some stores demand
	AccessKey   string
	SecretKey   string
	Transport   http.RoundTripper
}

// S3 keeps pictures as objects in a bucket. It implements [Store]. The credentials must allow to put,
// get and delete objects, and to list the bucket: without that the store does not say that there is no
// object, but that it may not be read.
type S3 struct {
	client         *minio.Client
	bucket, prefix string
}

// maxPicture is far above what a picture of [keptSide] takes, and far below what would hurt to read.
const maxPicture = 8 << 20

// NewS3 makes an S3. Nothing is sent.
func NewS3(o S3Options) (*S3, error) {
	lookup := minio.BucketLookupPath
	if o.VirtualHost {
		lookup = minio.BucketLookupDNS
	}
	client, err := minio.New(o.Endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
		Secure:       o.Endpoint.Scheme == "https",
		Region:       o.Region, // which would otherwise be asked for
		BucketLookup: lookup,
		Transport:    o.Transport,
		MaxRetries:   2, // a person waits for it
	})
	if err != nil {
		return nil, fmt.Errorf("open S3 store: %w", err)
	}
	return &S3{client: client, bucket: o.Bucket, prefix: o.Prefix}, nil
}

// Put implements [Store].
func (s *S3) Put(ctx context.Context, key string, picture []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+key, bytes.NewReader(picture), int64(len(picture)),
		minio.PutObjectOptions{ContentType: MediaType(picture)})
	if err != nil {
		return fmt.Errorf("store avatar: %w", err)
	}
	return nil
}

// Get implements [Store].
func (s *S3) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.prefix+key, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("read avatar: %w", err)
	}
	defer object.Close()
	picture, err := io.ReadAll(io.LimitReader(object, maxPicture+1))
	switch {
	case minio.ToErrorResponse(err).Code == minio.NoSuchKey:
		return nil, ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("read avatar: %w", err)
	case len(picture) > maxPicture:
		return nil, fmt.Errorf("read avatar: the object is larger than %d bytes", maxPicture)
	}
	return picture, nil
}

// Delete implements [Store].
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("remove avatar: %w", err)
	}
	return nil
}
