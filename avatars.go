package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"mpauth/internal/avatar"
	"mpauth/internal/avatar/avatarhttp"
	"mpauth/internal/config"
)

const storeProbeTimeout = 10 * time.Second

// openAvatars opens where pictures are kept; nothing, when none are taken.
func (s *server) openAvatars() error {
	place := s.config.S3
	if place != nil {
		store, err := avatar.NewS3(avatar.S3Options{
			Endpoint: place.Endpoint, Region: place.Region, Bucket: place.Bucket, Prefix: place.Prefix,
			VirtualHost: place.VirtualHost, AccessKey: place.AccessKey, SecretKey: place.SecretKey.Reveal(),
		})
		if err != nil {
			return fmt.Errorf("MPAUTH_AVATARS: %w", err)
		}
		s.avatars = store
		return nil
	}
	if s.config.Avatars == config.AvatarsOff {
		return nil
	}
	dir, err := avatar.OpenDir(filepath.Join(s.config.Data, "avatars"))
	if err != nil {
		return fmt.Errorf("MPAUTH_DATA: %w; make the directory writable, or set another one", err)
	}
	s.cleanup = append(s.cleanup, func() { _ = dir.Close() })
	s.avatars = dir
	return nil
}

// probeAvatars tells the operator at once when pictures cannot be kept. It does not keep the server from
// starting: people can log in without pictures.
func (s *server) probeAvatars(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeProbeTimeout)
	defer cancel()
	if err := probe(ctx, s.avatars); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("MPAUTH_AVATARS: pictures cannot be kept; uploads are refused until they can", "error", err)
	}
}

// probe keeps something, reads it and removes it.
func probe(ctx context.Context, store avatar.Store) error {
	key, err := avatar.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	content := []byte("a probe")
	if err := store.Put(ctx, key, content); err != nil {
		return err
	}
	got, err := store.Get(ctx, key)
	if err == nil && !bytes.Equal(got, content) {
		err = errors.New("the store returned something else than was put")
	}
	return errors.Join(err, store.Delete(ctx, key))
}

// routeAvatars adds the routes of pictures, if there are any. An upload takes as long as a phone needs
// to send it; the limit for a request counts from then on.
func (s *server) routeAvatars(mux *http.ServeMux, known, limited func(http.Handler) http.Handler) {
	if s.avatars == nil {
		return
	}
	// Whoever is logged in.
	mux.Handle("POST /avatars", known(avatarhttp.Upload(avatarhttp.UploadOptions{
		Account: s.account, Press: avatar.NewPress(), Limit: s.limits.Upload, Timeout: s.config.RequestTimeout, Now: time.Now,
	})))
	// Anyone who has the key.
	mux.Handle("GET /avatars/{key}", limited(avatarhttp.Serve(s.avatars, s.log)))
}
